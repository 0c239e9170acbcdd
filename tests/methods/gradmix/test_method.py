"""GradMix as a method: plan and render agree."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from bench.contract import MethodBase
from bench.errors import DataError
from methods.gradmix import GradMix, GradMixConfig, TileMixer
from methods.patches import crop_labels
from tests import toy

CONFIG = GradMix.Config(patch_size=32, grid=4)


def planned(n: int = 10, seed: int = 0) -> tuple[GradMix, toy.NucleiDataset, list]:
    method, train = GradMix(CONFIG), toy.NucleiDataset(4, 96)
    return method, train, list(method.plan({"train": train}, n, np.random.default_rng(seed)))


def test_is_a_method() -> None:
    method, _, _ = planned(0)
    assert isinstance(method, MethodBase)
    assert method.ratio == 1
    assert list(method.parts()) == []


def test_plan_is_deterministic_and_json() -> None:
    _, train, first = planned()
    _, _, again = planned()
    _, _, other = planned(seed=1)
    assert len(first) == 10
    assert [c.recipe for c in first] == [c.recipe for c in again]
    assert [c.recipe for c in first] != [c.recipe for c in other]
    for condition, twin in zip(first, again, strict=True):
        np.testing.assert_array_equal(condition.instances, twin.instances)
        assert json.loads(json.dumps(condition.recipe)) == condition.recipe
        assert len(json.dumps(condition.recipe)) < 2000
        assert condition.sources["train"] in train.ids
        assert condition.kind == "gradmix"
    assert len({condition.id for condition in first}) == 10


def test_recipe_tells_class_counts() -> None:
    _, train, conditions = planned()
    for condition in conditions:
        sample = next(sample for sample in train.samples if sample.id == condition.sources["train"])
        before, after = condition.recipe["before"], condition.recipe["after"]
        assert list(before.values()) == [int((sample.types == kind).sum()) for kind in (1, 2, 3, 4)]
        assert after["miscellaneous"] >= before["miscellaneous"]
        assert sum(after.values()) <= sum(before.values())
    assert any(c.recipe["after"]["miscellaneous"] > c.recipe["before"]["miscellaneous"] for c in conditions)


def test_labels_are_those_of_the_rendered_tile() -> None:
    method, train, conditions = planned()
    images = list(method.render(conditions, {"train": train}, {}, toy.Run()))
    mixer = TileMixer(train, CONFIG.mixing)
    changed = 0
    for condition, image in zip(conditions, images, strict=True):
        index = train.ids.index(condition.sources["train"])
        mixed = mixer.mix(index, condition.seed)
        y, x = condition.crop
        np.testing.assert_array_equal(image, mixed.image[y : y + 32, x : x + 32])
        labels, types = crop_labels(mixed.instances, mixed.types, y, x, 32, min_area=CONFIG.min_area(0.5))
        np.testing.assert_array_equal(condition.instances, labels)
        np.testing.assert_array_equal(condition.types, types)
        changed += not np.array_equal(image, train[index].image[y : y + 32, x : x + 32])
    assert changed > 0


def test_render_does_not_depend_on_chunks_or_run() -> None:
    method, train, conditions = planned()
    data = {"train": train}
    whole = list(method.render(conditions, data, {}, toy.Run(0)))
    pieces: list[np.ndarray] = []
    for start in (0, 3, 6, 9):
        pieces += GradMix(CONFIG).render(conditions[start : start + 3], data, {}, toy.Run(5))
    backwards = list(GradMix(CONFIG).render(conditions[::-1], data, {}, toy.Run(1)))[::-1]
    np.testing.assert_array_equal(whole, pieces)
    np.testing.assert_array_equal(whole, backwards)


def test_conditions_of_others_are_refused() -> None:
    method, train, conditions = planned(1)
    for foreign in (replace(conditions[0], sources={}, crop=None), replace(conditions[0], recipe={})):
        with pytest.raises(DataError, match="gradmix-00000"):
            list(method.render([foreign], {"train": train}, {}, toy.Run()))


def test_rare_classes_must_be_named() -> None:
    class Nameless(toy.NucleiDataset):
        @property
        def info(self):
            return replace(super().info, rare=())

    with pytest.raises(DataError, match="rare classes"):
        TileMixer(Nameless(2), GradMixConfig())


def test_imports_without_torch() -> None:
    heavy = "any(name in sys.modules for name in ('torch', 'scipy', 'cv2'))"
    code = f"import sys, methods.gradmix, methods.controls; sys.exit({heavy})"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
