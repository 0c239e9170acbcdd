"""The schedule: published step counts, learning rates, patches of each step."""

import pytest

from bench.contract import Budget
from downstream.hovernet.config import HoVerNetConfig
from downstream.nuclei.schedule import Epoch, Schedule
from downstream.nuclei.settings import Phase

PUBLISHED = HoVerNetConfig().phases


def test_published_epochs_and_the_same_in_steps() -> None:
    epochs = Schedule(PUBLISHED, Budget("epochs", 100), Epoch(1323, 1323))
    assert [s.last - s.first for s in epochs.stretches] == [50 * 83, 50 * 331] == [4150, 16550]
    steps = Schedule(PUBLISHED, Budget("steps", 20700), Epoch(1323, 1323))
    assert steps.steps == 20700
    assert [s.last - s.first for s in steps.stretches] == [4140, 16560]
    assert [s.phase.freeze_encoder for s in steps.stretches] == [True, False]


def test_rate_falls_half_way_through_each_phase() -> None:
    schedule = Schedule(PUBLISHED, Budget("epochs", 4), Epoch(32, 32))  # 2 x 2 steps, then 2 x 8
    rates = [schedule.rate(step, "step") for step in range(schedule.steps)]
    assert rates == [1, 1, 0.1, 0.1] + 8 * [1] + 8 * [0.1]


def test_cosine_warms_up_and_ends_near_nothing() -> None:
    schedule = Schedule((Phase(share=1, batch=2),), Budget("steps", 100), Epoch(10, 10))
    rates = [schedule.rate(step, "cosine") for step in range(100)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[5] == max(rates) == 1
    assert rates[-1] < 0.01
    assert rates[5:] == sorted(rates[5:], reverse=True)


@pytest.mark.parametrize("total", [1, 3, 8, 101])
def test_every_step_has_a_batch_and_no_patch_is_drawn_twice(total: int) -> None:
    schedule = Schedule(PUBLISHED, Budget("steps", total), Epoch(100, 100))
    drawn = [index for step in range(total) for index in schedule.patches(step)]
    assert drawn == list(range(len(drawn)))
    assert schedule.steps == total


SONNET = (
    Phase(share=0.25, batch=2, freeze_encoder=True),
    Phase(share=0.25, batch=2, freeze_encoder=True, rate=0.1),
    Phase(share=0.25, batch=1),
    Phase(share=0.25, batch=1, rate=0.1, self_guided=True),
)


def test_phases_rates_and_freezing_step_by_step() -> None:
    schedule = Schedule(SONNET, Budget("epochs", 4), Epoch(4, 4))  # an epoch each: 2, 2, 4 and 4 steps
    phases = [schedule.at(step).phase for step in range(schedule.steps)]
    assert [phase.freeze_encoder for phase in phases] == 4 * [True] + 8 * [False]
    assert [phase.self_guided for phase in phases] == 8 * [False] + 4 * [True]
    assert [len(schedule.patches(step)) for step in range(schedule.steps)] == 4 * [2] + 8 * [1]
    constant = [schedule.rate(step, "constant") for step in range(schedule.steps)]
    assert constant == [1, 1, 0.1, 0.1, 1, 1, 1, 1, 0.1, 0.1, 0.1, 0.1]
    halved = [schedule.rate(step, "step") for step in range(schedule.steps)]
    assert halved == pytest.approx([1, 0.1, 0.1, 0.01, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01])


def test_exponential_decay_follows_the_epochs_of_the_real_only_arm() -> None:
    phases = (Phase(share=0.5, batch=2), Phase(share=0.5, batch=1, rate=2.0))
    schedule = Schedule(phases, Budget("real-epochs", 4), Epoch(4, 8))  # two epochs of 2 steps, then two of 4
    rates = [schedule.rate(step, "exponential", 0.5) for step in range(schedule.steps)]
    assert rates == [1, 1, 0.5, 0.5] + 4 * [2 * 0.25] + 4 * [2 * 0.125]


def test_arms_take_the_steps_of_the_real_only_arm() -> None:
    """The real-only arm has 10 patches, the others 20 and 15; equal epochs are not equal steps."""
    arms = [Epoch(10, 10), Epoch(10, 20), Epoch(10, 15)]
    assert [Schedule(PUBLISHED, Budget("real-epochs", 6), arm).steps for arm in arms] == 3 * [3 * 1 + 3 * 3]
    assert [Schedule(PUBLISHED, Budget("epochs", 6), arm).steps for arm in arms] == [12, 21, 15]
    published = Schedule(PUBLISHED, Budget("real-epochs", 100), Epoch(1323, 2646))
    assert published.steps == 20700


@pytest.mark.parametrize(("epochs", "divided"), [(75, [38, 37]), (50, [25, 25]), (1, [0, 1])])
def test_no_epoch_is_lost_to_rounding(epochs: int, divided: list[int]) -> None:
    phases = (Phase(share=0.5, batch=1), Phase(share=0.5, batch=1))
    schedule = Schedule(phases, Budget("epochs", epochs), Epoch(1, 1))
    assert [s.last - s.first for s in schedule.stretches] == divided


def test_evaluations_follow_epochs_and_are_bounded() -> None:
    phases = (Phase(share=0.5, batch=2), Phase(share=0.5, batch=1))
    schedule = Schedule(phases, Budget("epochs", 4), Epoch(4, 4))  # 4 steps of 2 patches, 8 steps of 1
    assert sorted(schedule.evaluations(50)) == [2, 4, 8, 12]
    assert sorted(schedule.evaluations(2)) == [4, 12]
    assert sorted(schedule.evaluations(1)) == [12]
    short = Schedule(phases, Budget("steps", 1), Epoch(100, 100))
    assert sorted(short.evaluations(50)) == [1]
