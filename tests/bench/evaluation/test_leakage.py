"""Leakage: copies of test patches are named, copies of training patches and fresh ones are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.config import load_preset
from bench.contract import Condition
from bench.engine.session import Session
from bench.evaluation.leakage import leakage, read_leakage, warnings
from bench.synthetic import SyntheticSet, SyntheticSetWriter
from tests.toy import NucleiDataset

SIZE = 32
TRAIN = NucleiDataset(n_tiles=6, size=64, seed=1)
TEST = NucleiDataset(n_tiles=4, size=64, seed=2, split="test")
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
def test_what_is_named(session: Session, tmp_path: Path, data: NucleiDataset, copies: int) -> None:
    made = sealed(tmp_path / "set", data)
    finished = leakage(session, made, TRAIN, TEST, load_preset("tiny"), "toy")
    found = read_leakage(finished)
    assert len(found["exact"]) == len(found["copies"]) == copies
    told = list(warnings(found))
    assert bool(told) == bool(copies)
    if copies:
        assert ["made-0", TEST.ids[0]] in found["exact"]
        assert "4 images look like test images" in told[0]


def test_nearer_than_chance_is_told() -> None:
    found = {"copies": [], "nearer": 60, "by_chance": 20.0, "n_test": 100}
    assert list(warnings(found)) == ["it is nearer than any training patch to 60 of 100 test patches (by chance: 20)"]
    assert not list(warnings({**found, "nearer": 25}))
