"""Leakage: sets that show test images have rows that say so, honest sets have not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.contract import Condition
from bench.engine.session import Session, drive
from bench.evaluation.base import Measured
from bench.evaluation.leakage import Leakage
from bench.plan.arms import Arm
from bench.results.leaks import leaking
from bench.results.table import ScoreRow
from bench.stages.synthesize import Made
from bench.synthetic import SyntheticSet, SyntheticSetWriter
from methods.controls import Copy
from methods.patches import PatchSettings
from tests.bench.conftest import finished
from tests.bench.evaluation.trials import ROWS, Given, bench_of
from tests.cheats import CHEATS, HONEST
from tests.toy import NucleiDataset

SIZE, N = 32, 6
TRAIN = NucleiDataset(n_tiles=6, size=64, seed=1)
TEST = NucleiDataset(n_tiles=6, size=64, seed=2, split="test")
OTHER = NucleiDataset(n_tiles=6, size=64, seed=3, split="fresh")
ARM = Arm("toy", "", Copy(PatchSettings()))


def tiles(data: NucleiDataset) -> list[np.ndarray]:
    return [sample.image for sample in data.samples]


def sealed(folder: Path, images: list[np.ndarray]) -> SyntheticSet:
    writer = SyntheticSetWriter(folder, TRAIN.info, {})
    for index, image in enumerate(images):
        writer.write(index, Condition(id=f"made-{index}", kind="copy", seed=0), image)
    writer.seal(len(images), {"method": "toy", "use": "training"})
    return SyntheticSet(folder)


def rows_of(session: Session, folder: Path, *sets: list[np.ndarray], train: NucleiDataset = TRAIN) -> list[ScoreRow]:
    made = []
    for number, images in enumerate(sets):
        done = finished(folder / f"set{number}", "synthesize")
        made.append(Made(done, sealed(done.path, images)))
    trial = Given(bench_of(session, {"train": train, "test": TEST}, ARM, seeds=len(sets)), ARM, made)
    return list(Leakage().rows([Measured(trial, made, drive(Leakage().measure(trial)))], ROWS))


def marked(rows: list[ScoreRow]) -> bool:
    return any(leaking(row.model_dump(by_alias=True)) for row in rows)


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_is_found(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    warned: list[str] = []
    monkeypatch.setattr(session.reporter, "warn", warned.append)
    rows = rows_of(session, tmp_path, CHEATS[name](tiles(TEST), tiles(TRAIN), N, SIZE, np.random.default_rng(0)))
    (row,) = rows
    assert (row.metric, row.direction, row.split, row.n) == ("test_copies", "lower", "test", N)
    assert row.value == pytest.approx(1 / N if "training" in name else 1.0)
    assert marked(rows)
    assert "different images show test images: made-0 shows test-2-" in row.reason
    assert warned == [f"toy, seed 0: {row.reason}"]


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_set_is_not_marked(session: Session, tmp_path: Path, name: str) -> None:
    rows = rows_of(session, tmp_path, HONEST[name](tiles(TRAIN), tiles(OTHER), N, SIZE, np.random.default_rng(0)))
    assert [(row.metric, row.value) for row in rows] == [("test_copies", 0.0)]
    assert not marked(rows)


def test_a_test_image_that_training_holds_is_no_leak(session: Session, tmp_path: Path) -> None:
    both = NucleiDataset(n_tiles=6, size=64, seed=2)
    (row,) = rows_of(session, tmp_path, [tile[:SIZE, :SIZE] for tile in tiles(TEST)], train=both)
    assert row.value == 0.0


def test_an_image_counts_once_and_blank_ones_do_not(session: Session, tmp_path: Path) -> None:
    copy, blank = tiles(TEST)[0][5 : 5 + SIZE, 9 : 9 + SIZE], np.full((SIZE, SIZE, 3), 230, np.uint8)
    (row,) = rows_of(session, tmp_path, [copy, copy, tiles(OTHER)[0][:SIZE, :SIZE], blank])
    assert (row.value, row.n, row.n_skipped) == (0.5, 2, 1)
    assert "1 images are too small or nearly blank" in row.reason


def test_nothing_to_search_for_is_a_reason(session: Session, tmp_path: Path) -> None:
    (row,) = rows_of(session, tmp_path, [np.full((SIZE, SIZE, 3), 230, np.uint8)])
    assert row.value is None
    assert "enough texture" in row.reason


def test_one_of_several_sets_marks_their_mean(session: Session, tmp_path: Path) -> None:
    honest, cheat = (
        [tile[:SIZE, :SIZE] for tile in tiles(OTHER)],
        [tile[:SIZE, :SIZE] for tile in tiles(TEST)],
    )
    rows = rows_of(session, tmp_path, honest, cheat)
    assert [row.value for row in rows] == [0.0, 1.0, 0.5]
    assert rows[-1].seeds == 2
    assert "show test images" in rows[-1].reason
    assert [marked([row]) for row in rows] == [False, True, True]


def test_only_arms_that_the_run_is_about_are_looked_at(session: Session, tmp_path: Path) -> None:
    done = finished(tmp_path / "set", "synthesize")
    made = Made(done, sealed(done.path, [tiles(TEST)[0][:SIZE, :SIZE]]))
    control = Given(bench_of(session, {"train": TRAIN, "test": TEST}), ARM, [made])
    assert drive(Leakage().measure(control)) == []
