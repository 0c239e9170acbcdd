"""Faithfulness: a method that draws what it is asked for, one that ignores it, one that cannot be asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench.engine.job import Finished, Job
from bench.evaluation.evidence import Faithful, Judge
from scipy import ndimage

from bench.config import Preset, load_preset
from bench.contract import Condition, Prediction
from bench.engine.session import Session
from bench.evaluation.faithfulness import MaskPatches, faithfulness, mask_statistics, render_masks, type_map
from bench.evaluation.statistics import Statistics
from bench.plan.arms import Arm, Network
from bench.stages.synthesize import synthesize
from methods.controls import Copy
from methods.patches import PatchSettings
from tests import toy

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


class Reader:
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
    model = Finished(Job("train", {}, {}), folder, reused=False, cost={})
    return Judge(Network("reader", Reader(), {}), model)


def arm(name: str, **changes: Any) -> Arm:
    method = Painter(PatchSettings(patch_size=SIZE))
    for key, value in changes.items():
        setattr(method, key, value)
    return Arm(name, "", method)


def preset() -> Preset:
    return load_preset("tiny", {"patch": SIZE, "faithfulness_samples": 12, "max_samples": 6})


def score(session: Session, folder: Path, asked: Arm) -> Faithful:
    sets = [synthesize(session, asked, DATA, {}, preset(), seed) for seed in range(2)]
    found = faithfulness(session, asked, DATA, {}, sets, segmenter(folder), preset())
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
    done = len(session.finished)
    score(session, tmp_path, arm("good"))
    assert all(finished.reused for finished in session.finished[done:])


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


def test_who_adds_nothing_is_not_asked(session: Session, tmp_path: Path) -> None:
    class Captions(Painter):
        conditions = frozenset({"text"})

    of_text = Arm("captions", "", Captions(PatchSettings(patch_size=SIZE)))
    made = [synthesize(session, of_text, DATA, {}, preset(), 0)]
    assert faithfulness(session, of_text, DATA, {}, made, segmenter(tmp_path), preset()) is None
    assert faithfulness(session, arm("good"), DATA, {}, [None], segmenter(tmp_path), preset()) is None


def test_masks_are_drawn_once_for_every_size_and_seed(session: Session) -> None:
    drawn = [render_masks(session, arm("good"), DATA, {}, MaskPatches(TEST, n, SIZE), s) for n, s in ((4, 0), (6, 0))]
    assert [len(item) for item in drawn] == [4, 6]
    assert drawn[0].use == "evaluation"


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
