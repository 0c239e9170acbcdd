"""One arm of a run: when a network is trained on it, and why not."""

from __future__ import annotations

import pytest

from bench.contract import Settings
from bench.engine.session import Session, drive
from bench.plan.arms import Arm
from bench.stages.trial import Trial
from methods.controls import Copy, RealOnly
from methods.patches import PatchSettings
from tests import toy, toy_tissue
from tests.bench.evaluation.trials import bench_of

NUCLEI = {"train": toy.NucleiDataset(n_tiles=2, size=64)}
TISSUE = {"train": toy_tissue.TissueDataset()}


@pytest.mark.parametrize(
    ("data", "shown", "reason"),
    [
        (NUCLEI, {"mask"}, ""),
        (NUCLEI, {"mask", "text"}, ""),
        (NUCLEI, {"text"}, "not trained on: not every image comes with an instance map"),
        (TISSUE, {"text"}, "not trained on: not every image comes with a class"),
        (TISSUE, {"class"}, ""),
    ],
)
def test_networks_are_trained_on_images_with_their_label(
    session: Session, data: dict[str, toy.NucleiDataset], shown: set[str], reason: str
) -> None:
    method = Copy(PatchSettings(patch_size=32))
    method.conditions = frozenset(shown)
    method.ratio = 0.0  # nothing is drawn
    assert drive(Trial(bench_of(session, data), Arm("mine", "", method)).untested()) == reason


def test_the_baseline_shows_nothing_and_is_trained_on(session: Session) -> None:
    baseline = Arm("real-only", "", RealOnly(RealOnly.Config()))
    assert isinstance(baseline.method.config, Settings)
    assert drive(Trial(bench_of(session, NUCLEI), baseline).untested()) == ""
