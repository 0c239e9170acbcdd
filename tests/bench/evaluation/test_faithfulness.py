"""Faithfulness: a method that draws what it is asked for, one that ignores it, one that cannot be asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from bench.config import Preset, load_preset
from bench.contract import Condition, Prediction
from bench.engine.session import Session, drive, together
from bench.evaluation.base import Measured
from bench.evaluation.faithfulness import Faithful, Faithfulness, mask_statistics, type_map
from bench.evaluation.masks import MaskPatches, RenderMasks
from bench.evaluation.statistics import Statistics
from bench.plan.arms import Arm, Network
from bench.stages.judge import Judge
from bench.stages.synthesize import set_size, synthesize
from bench.synthetic import SyntheticSet
from methods.controls import Copy, Noise
from methods.patches import PatchSettings
from tests import toy, toy_tissue
from tests.bench.conftest import finished
from tests.bench.evaluation.trials import ROWS, Given, bench_of

TRAIN = toy.NucleiDataset(n_tiles=4, size=64)
TEST = toy.NucleiDataset(n_tiles=4, size=64, seed=9, split="test")
DATA = {"train": TRAIN, "test": TEST}
PALETTE = np.array([(235, 190, 215), *toy.COLOURS.values()], np.uint8)
SIZE = 32


class Painter(Copy):
    """Paints each class in its colour; `shift` moves what is painted, `swap` paints class 2 as class 3."""

    draws_any_mask = True
    shift, swap = 0, False

    def render(self, conditions: Any, data: Any, fitted: Any, run: Any) -> Iterator[np.ndarray]:
        assert set(data) == {"train"}, "test data must be out of reach"
        for condition in conditions:
            types = type_map(condition.instances, condition.types, 4, None)
            types = np.where(types == 2, 3, types) if self.swap else types
            yield PALETTE[np.roll(types, self.shift, axis=0)]


class Reader(toy_tissue.Reader):
    """A segmenter that reads classes off the nearest colour of the palette."""

    def predict(self, images: Any, checkpoint: Path, run: Any) -> Iterator[Prediction]:
        for image in images:
            distance = np.linalg.norm(image[:, :, None].astype(float) - PALETTE, axis=-1)
            types = ndimage.median_filter(distance.argmin(axis=-1), 3)
            instances, kinds = np.zeros(types.shape, np.int32), []
            for kind in range(1, 5):
                found, n = ndimage.label(types == kind)
                instances += np.where(found > 0, found + len(kinds), 0).astype(np.int32)
                kinds += [kind] * n
            yield Prediction(instances, np.array(kinds, np.uint8))


def segmenter(folder: Path) -> Judge:
    return Judge(Network("reader", Reader(), {}), finished(folder))


def arm(name: str, **changes: Any) -> Arm:
    method = Painter(PatchSettings(patch_size=SIZE))
    for key, value in changes.items():
        setattr(method, key, value)
    return Arm(name, "", method)


def preset() -> Preset:
    return load_preset("tiny", {"patch": SIZE, "faithfulness_samples": 12, "max_samples": 6})


def measure(session: Session, folder: Path, asked: Arm, seeds: int = 2) -> Faithful | None:
    """Draw a set under each seed, and ask how faithful the arm is."""
    n = set_size(asked, TRAIN, preset())
    drawn = (synthesize(session, asked, DATA, {}, n, seed, f"seed {seed}") for seed in range(seeds))
    frame = bench_of(session, DATA, asked, preset=preset(), seeds=seeds)
    trial = Given(frame, asked, drive(together(*drawn)), judge=segmenter(folder))
    return drive(Faithfulness().measure(trial))


def score(session: Session, folder: Path, asked: Arm) -> Faithful:
    found = measure(session, folder, asked)
    assert found is not None
    return found


def means(found: Faithful) -> dict[str, float]:
    read = Statistics(found.scores[0].path)
    return {name: float(np.nanmean(read.numbers(name))) for name in ("fs1", "fs2", "fs_real", "fs1_class")}


def test_what_is_drawn_as_asked_scores_best(session: Session, tmp_path: Path) -> None:
    good = means(score(session, tmp_path, arm("good")))
    moved = means(score(session, tmp_path, arm("moved", shift=12)))
    swapped = means(score(session, tmp_path, arm("swapped", swap=True)))
    assert good["fs1"] > 0.9
    assert good["fs_real"] > 0.85
    assert good["fs2"] > 0.8
    assert moved["fs1"] < 0.6
    assert moved["fs2"] < 0.6
    assert moved["fs_real"] == good["fs_real"]  # of real images alone
    assert swapped["fs1"] == pytest.approx(good["fs1"], abs=0.05)
    assert swapped["fs1_class"] < good["fs1_class"] - 0.15


def test_every_seed_is_scored_by_test_slide(session: Session, tmp_path: Path) -> None:
    found = score(session, tmp_path, arm("good"))
    assert found.network == "reader"
    first, second = (Statistics(done.path) for done in found.scores)
    assert set(first.groups) == set(TEST.groups)
    assert first.ids == second.ids
    assert sorted(first.ids.count(name) for name in TEST.ids) == [3, 3, 3, 3]


def test_again_nothing_is_drawn(session: Session, tmp_path: Path) -> None:
    score(session, tmp_path, arm("good"))
    again = dataclasses.replace(session, finished={}, asked={})
    score(again, tmp_path, arm("good"))
    assert again.finished.keys() == session.finished.keys()
    assert again.reused == len(again.finished) > 6
    assert session.reused == 0


def test_conditions_say_nothing_of_the_test_image() -> None:
    conditions = list(MaskPatches(TEST, 12, SIZE).conditions(0))
    for condition in conditions:
        assert condition.sources == {}
        assert condition.crop is None
        assert condition.recipe == {}
    fields = {field.name for field in dataclasses.fields(Condition)}
    assert not fields & {"image", "pixels"}
    other = list(MaskPatches(TEST, 12, SIZE).conditions(1))
    np.testing.assert_array_equal(conditions[3].instances, other[3].instances)
    assert conditions[3].seed != other[3].seed


def test_who_needs_a_source_says_so(session: Session, tmp_path: Path) -> None:
    copy = Arm("copy", "", Copy(PatchSettings(patch_size=SIZE)))
    found = score(session, tmp_path, copy)
    assert not found.scores
    assert "without the real patch" in found.reason


def test_who_is_drawn_from_captions_says_so(session: Session, tmp_path: Path) -> None:
    found = score(session, tmp_path, arm("captions", conditions=frozenset({"text"})))
    assert (found.network, found.scores) == ("reader", ())
    assert found.reason == "captions draws images of no mask"


def test_noise_is_a_control_and_is_far_from_what_is_asked(session: Session, tmp_path: Path) -> None:
    noise = means(score(session, tmp_path, Arm("noise", "", Noise(PatchSettings(patch_size=SIZE)))))
    good = means(score(session, tmp_path, arm("good")))
    assert noise["fs1"] < good["fs1"] - 0.2
    assert noise["fs_real"] == good["fs_real"]


def test_rows_name_the_segmenter_and_give_the_reference(session: Session, tmp_path: Path) -> None:
    drawn, copy = arm("good"), Arm("copy", "", Copy(PatchSettings(patch_size=SIZE)))
    frame = bench_of(session, DATA, drawn, preset=preset())
    measured = [Measured(Given(frame, one), [None, None], score(session, tmp_path, one)) for one in (drawn, copy)]
    rows = list(Faithfulness().rows(measured, ROWS))
    assert {row.downstream for row in rows} == {"reader"}
    assert {row.split for row in rows} == {"test"}
    everything = {f"{name}{of}/image" for name in ("fs1", "fs2", "fs_real") for of in ("", "_class")}
    for one in ("good", "copy"):
        assert {row.metric for row in rows if row.method == one} == everything
    values = {row.metric: row for row in rows if row.method == "good" and row.seed == 0}
    assert all(row.ci_low is not None and row.n == 12 for row in values.values())
    assert values["fs_real/image"].value > 0.85
    assert all("without the real patch" in row.reason and row.value is None for row in rows if row.method == "copy")


def test_who_adds_nothing_is_not_asked(session: Session, tmp_path: Path) -> None:
    frame = bench_of(session, DATA, preset=preset())
    nothing = Given(frame, arm("good"), [None], judge=segmenter(tmp_path))
    assert drive(Faithfulness().measure(nothing)) is None
    (made,) = drive(together(synthesize(session, arm("good"), DATA, {}, 4, 0, "seed 0")))
    without_judge = Given(frame, arm("good"), [made])
    assert drive(Faithfulness().measure(without_judge)) is None


def test_masks_are_drawn_once_for_every_size_and_seed(session: Session) -> None:
    def step(n: int, seed: int) -> RenderMasks:
        return RenderMasks(
            place=session.numeric,
            seed=seed,
            arm=arm("good"),
            data={"train": TRAIN},
            fitted={},
            masks=MaskPatches(TEST, n, SIZE),
        )

    steps = [step(n, seed) for n, seed in ((4, 0), (6, 0), (6, 1), (6, 0))]
    drawn = [SyntheticSet(done.path) for done in drive(together(*(session.do(one) for one in steps)))]
    assert [len(item) for item in drawn] == [4, 6, 6, 6]
    assert len({item.folder for item in drawn}) == 3
    assert {item.use for item in drawn} == {"evaluation"}


def test_a_nucleus_of_no_class_counts_in_the_binary_scores_alone() -> None:
    sample = TEST[0]
    unclassed = Prediction(sample.instances, np.zeros_like(sample.types))
    right = Prediction(sample.instances, sample.types)
    row = mask_statistics(sample, unclassed, right, 4)
    assert (row["fs1"], row["fs2"], row["fs_real"], row["fs_real_class"]) == (1, 1, 1, 1)
    assert row["fs1_class"] == 0


def test_ignored_pixels_are_nobodys() -> None:
    sample = TEST[0]
    ignore = np.zeros(sample.instances.shape, bool)
    ignore[:32] = True
    half = np.where(ignore, 0, sample.instances).astype(np.int32)
    row = mask_statistics(
        dataclasses.replace(sample, ignore=ignore), Prediction(half, sample.types), Prediction(half, sample.types), 4
    )
    assert row["fs1"] == row["fs_real"] == 1


def test_settings_of_the_stage() -> None:
    assert load_preset("smoke").faithfulness_samples == 24
    assert load_preset("paper").faithfulness_samples is None
