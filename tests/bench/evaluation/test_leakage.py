"""Leakage: copies of test patches are named, copies of training patches and fresh ones are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.contract import Condition
from bench.engine.session import Session, drive
from bench.evaluation.leakage import Leakage, read_leakage, warnings
from bench.plan.arms import Arm
from bench.stages.synthesize import Made
from bench.synthetic import SyntheticSet, SyntheticSetWriter
from methods.controls import Copy
from methods.patches import PatchSettings
from tests.bench.conftest import finished
from tests.bench.evaluation.trials import Given, bench_of
from tests.toy import NucleiDataset

SIZE = 32
TRAIN = NucleiDataset(n_tiles=6, size=64, seed=1)
TEST = NucleiDataset(n_tiles=4, size=64, seed=2, split="test")
ARM = Arm("toy", "", Copy(PatchSettings()))
FRESH = NucleiDataset(n_tiles=4, size=64, seed=3, split="fresh")


def sealed(folder: Path, data: NucleiDataset) -> SyntheticSet:
    """Seal the upper left patch of every tile as a synthetic set."""
    writer = SyntheticSetWriter(folder, TRAIN.info, {})
    for index in range(len(data)):
        image = np.ascontiguousarray(data[index].image[:SIZE, :SIZE])
        condition = Condition(id=f"made-{index}", kind="copy", seed=0)
        writer.write(index, condition, image)
    writer.seal(len(data), {"method": "toy", "use": "training"})
    return SyntheticSet(folder)


@pytest.mark.parametrize(("data", "copies"), [(TEST, 4), (TRAIN, 0), (FRESH, 0)])
def test_what_is_named(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: NucleiDataset, copies: int
) -> None:
    warned: list[str] = []
    monkeypatch.setattr(session.reporter, "warn", warned.append)
    done = finished(tmp_path / "set", "synthesize")
    made = Made(done, sealed(done.path, data))
    trial = Given(bench_of(session, {"train": TRAIN, "test": TEST}, ARM), ARM, [made])
    (looked,) = drive(Leakage().measure(trial))
    found = read_leakage(looked.finished)
    assert Leakage().findings([looked]) == [found]
    assert len(found["exact"]) == len(found["copies"]) == copies
    told = list(warnings(found))
    assert bool(told) == bool(copies)
    assert warned == [f"toy, seed 0: {line}" for line in told]
    if copies:
        assert ["made-0", TEST.ids[0]] in found["exact"]
        assert "4 images look like test images" in told[0]


def test_only_arms_that_the_run_is_about_are_looked_at(session: Session, tmp_path: Path) -> None:
    done = finished(tmp_path / "set", "synthesize")
    control = Given(bench_of(session, {"train": TRAIN, "test": TEST}), ARM, [Made(done, sealed(done.path, FRESH))])
    assert drive(Leakage().measure(control)) == []


def test_nearer_than_chance_is_told() -> None:
    found = {"copies": [], "nearer": 60, "by_chance": 20.0, "n_test": 100}
    assert list(warnings(found)) == ["it is nearer than any training patch to 60 of 100 test patches (by chance: 20)"]
    assert not list(warnings({**found, "nearer": 25}))
