"""A copy that was planted in a set is shown first, next to the window that it was cut from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.contract import Condition
from bench.engine.session import Session, drive
from bench.evaluation.base import Measured
from bench.evaluation.distances.features import RealPatches, SetImages, SourcePatches, embed_step
from bench.evaluation.pictures.copies import FEWEST, Memory, nearest_to_training
from bench.plan.arms import Arm
from bench.synthetic import SyntheticSet, SyntheticSetWriter
from methods.controls import Copy
from methods.patches import PatchSettings
from tests import toy
from tests.bench.evaluation.trials import Given, bench_of

TRAIN = toy.NucleiDataset(n_tiles=6, size=64)
TEST = toy.NucleiDataset(n_tiles=6, size=64, seed=5, split="test")


class Pixels:
    """An encoder whose features are the means of blocks of 8 x 8 px."""

    name, identity, version = "pixels", "pixels", 1

    def load(self, device: str) -> Pixels:
        return self

    def images(self, batch: np.ndarray) -> np.ndarray:
        n, height, width, _ = batch.shape
        means = batch.astype(np.float64).reshape(n, height // 8, 8, width // 8, 8, 3).mean((2, 4))
        return means.reshape(n, -1).astype(np.float32)


def planted(folder: Path) -> SyntheticSet:
    """Seal seven images of noise; the fifth is a window of a training tile, turned, with a little noise."""
    rng = np.random.default_rng(0)
    writer = SyntheticSetWriter(folder, TRAIN.info, {})
    for index in range(7):
        image = rng.integers(0, 256, (32, 32, 3)).astype(np.uint8)
        if index == 4:
            window = np.rot90(TRAIN[3].image[7:39, 11:43])
            image = np.clip(window + rng.normal(0, 3, window.shape), 0, 255).astype(np.uint8)
        writer.write(index, Condition(id=f"made-{index}", kind="any", seed=0), image)
    writer.seal(7, {"method": "mine"})
    return SyntheticSet(folder)


def test_the_planted_copy_comes_first_with_the_window_behind_it(session: Session, tmp_path: Path) -> None:
    made = planted(tmp_path / "set")
    arm = Arm("mine", "", Copy(PatchSettings(patch_size=32)))
    each = Measured(Given(bench_of(session, {"train": TRAIN, "test": TEST}, arm), arm), [], None)
    behind = SourcePatches(TRAIN, ((TRAIN.ids[3], 7, 11, 1),), 32)
    images = (SetImages(made), RealPatches(TRAIN, 12, 32), behind, RealPatches(TEST, 12, 32))
    embedded = [drive(session.do(embed_step(session, Pixels(), one))) for one in images]
    shown = list(nearest_to_training(each, Memory(made, TRAIN, "pixels", *embedded)))
    assert [one.column for one in shown] == ["mine", "nearest training patch"] * FEWEST
    copy, source = shown[:2]
    assert copy.row == source.row == "mine: made-4"
    np.testing.assert_array_equal(copy.image, made.image(4))
    np.testing.assert_array_equal(source.image, np.rot90(TRAIN[3].image[7:39, 11:43]))
    assert copy.note.startswith("suspected copy")
    assert source.note == f"{TRAIN.ids[3]}, row 7, column 11, turned or mirrored"
    assert all(one.note.startswith("not suspected") for one in shown[2::2])
    distances = [one.value for one in shown[::2]]
    assert distances == sorted(distances)
    expected = np.linalg.norm(Pixels().images(made.image(4)[None]) - Pixels().images(source.image[None]))
    np.testing.assert_allclose(distances[0], expected, rtol=1e-4)
