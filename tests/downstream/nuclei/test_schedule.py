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
