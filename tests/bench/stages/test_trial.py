"""One arm of a run: when a network is trained on it, and why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from bench.contract import Condition, Dataset, MethodBase, Settings
from bench.engine.session import Session, drive
from bench.plan.arms import Arm
from bench.stages.trial import Trial
from methods.controls import RealOnly
from methods.patches import PatchSettings
from tests import toy, toy_tissue
from tests.bench.evaluation.trials import bench_of

NUCLEI = {"train": toy.NucleiDataset(n_tiles=2, size=64)}
TISSUE = {"train": toy_tissue.TissueDataset()}


class Drawing(MethodBase):
    """Draws grey images that come with some of the labels of the first tile."""

    Config = PatchSettings
    ratio = 1.0

    def __init__(self, labels: frozenset[str]) -> None:
        self.config, self._labels = PatchSettings(patch_size=32), labels

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        sample = data["train"][0]
        for number in range(n):
            given: dict[str, Any] = {}
            if "mask" in self._labels:
                given = {"instances": np.zeros((32, 32), np.int32), "types": np.zeros(0, np.uint8)}
            label = sample.label if "class" in self._labels else None
            yield Condition(id=f"c{number}", kind="grey", seed=number, label=label, **given)

    def render(self, conditions: Any, data: Any, fitted: Any, run: Any) -> Iterator[np.ndarray]:
        return (np.full((32, 32, 3), 128, np.uint8) for _ in conditions)


@pytest.mark.parametrize(
    ("data", "labels", "reason"),
    [
        (NUCLEI, {"mask"}, ""),
        (NUCLEI, set(), "not trained on: not every image comes with an instance map"),
        (TISSUE, set(), "not trained on: not every image comes with a class"),
        (TISSUE, {"class"}, ""),
    ],
)
def test_networks_are_trained_on_sets_with_their_label(
    session: Session, data: dict[str, toy.NucleiDataset], labels: set[str], reason: str
) -> None:
    arm = Arm("mine", "", Drawing(frozenset(labels)))
    assert drive(Trial(bench_of(session, data), arm).untested()) == reason


def test_the_baseline_shows_nothing_and_is_trained_on(session: Session) -> None:
    baseline = Arm("real-only", "", RealOnly(RealOnly.Config()))
    assert isinstance(baseline.method.config, Settings)
    assert drive(Trial(bench_of(session, NUCLEI), baseline).untested()) == ""
