"""Estimates ask the network how many steps its training takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.contract import Budget, TrainingMix
from bench.stages.train import Train
from bench.suite.check import check_runs
from bench.suite.dry_run import dry_run
from bench.suite.estimate import Estimates
from bench.suite.expand import expand
from bench.suite.file import find_suite
from tests.toy import NucleiDataset
from tests.toy_tissue import Reader


def trainings(name: str, store: Path) -> list[tuple[Train, float]]:
    """Return the planned trainings of a suite with their expected numbers of steps."""
    given = {"threads": 1, "tracking": False, "store": store}
    checked = check_runs(expand(find_suite(name), given)).runs
    costs = Estimates(store, checked[0].resolved.preset)
    steps = [one.step for one in dry_run(find_suite(name), checked).steps.values()]
    return [(step, costs.of(step).seconds / costs.reference.train) for step in steps if isinstance(step, Train)]


def test_epochs_are_counted_in_the_windows_of_the_network(tmp_path: Path) -> None:
    """A fold of the phantom has 8 tiles of 128 px, that is 32 windows of 64 px and two steps of 16 per epoch."""
    found = trainings("diffmix_table1_smoke", tmp_path / "store")
    assert {step.network.name for step, _ in found} == {"hovernet", "sonnet"}
    assert {round(steps) for _, steps in found} == {120}


def test_published_epochs_are_the_published_steps(tmp_path: Path) -> None:
    """Four of five folds of CoNSeP: 21 or 22 tiles of 49 patches, for 50 epochs at batch 16 and 50 at batch 4."""
    found = trainings("diffmix_table1", tmp_path / "store")
    consep = [
        round(steps) for step, steps in found if step.network.name == "hovernet" and step.mix.real.info.name == "consep"
    ]
    expected = {50 * -(-tiles * 49 // 16) + 50 * -(-tiles * 49 // 4) for tiles in (21, 22)}
    assert consep
    assert set(consep) == expected


@pytest.mark.parametrize(
    ("budget", "fraction", "steps"),
    [
        (Budget("steps", 7), 0.5, 7),
        (Budget("epochs", 7), 0.0, 14),
        (Budget("epochs", 7), 0.5, 21),
        (Budget("real-epochs", 7), 0.5, 14),
    ],
)
def test_a_network_that_does_not_say_is_taken_to_read_batches_of_16(
    budget: Budget, fraction: float, steps: int
) -> None:
    mix = TrainingMix(NucleiDataset(20, 16), NucleiDataset(20, 16), fraction)
    assert Reader().steps(mix, budget) == steps
