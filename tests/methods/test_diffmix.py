"""DiffMix: label maps, provenance, and where and how often it samples."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.contract import Condition, MethodBase
from bench.errors import DataError
from methods.diffmix import DiffMix, DiffMixB, DiffMixE
from methods.gradmix import TileMixer
from methods.patches import crop_labels
from methods.sdm import SDM
from methods.sdm.network import SDMNetwork
from tests import toy
from tests.methods.sdm_presets import tiny

TRAIN = toy.NucleiDataset(3, 96)
DATA = {"train": TRAIN}


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("sdm")
    method = SDM(SDM.Config.model_validate(tiny()))
    method.fit(method.parts()[0], DATA, {}, out, toy.Run())
    return {"sdm": out}


def _method(cls: type[DiffMix] = DiffMix, **changes: Any) -> DiffMix:
    return cls(cls.Config.model_validate(tiny(**changes)))


def _plan(method: DiffMix, n: int = 12, seed: int = 0) -> list[Condition]:
    return list(method.plan(DATA, n, np.random.default_rng(seed)))


@pytest.mark.parametrize(
    ("cls", "ratio", "kinds"),
    [
        (DiffMix, 1.0, {"balancing": 6, "enlarging": 6}),
        (DiffMixB, 0.5, {"balancing": 12}),
        (DiffMixE, 0.5, {"enlarging": 12}),
    ],
)
def test_composition(cls: type[DiffMix], ratio: float, kinds: dict[str, int]) -> None:
    method = _method(cls)
    assert isinstance(method, MethodBase)
    assert method.ratio == ratio
    assert pickle.loads(pickle.dumps(method.config)) == method.config
    drawn = [condition.kind for condition in _plan(method)]
    assert {kind: drawn.count(kind) for kind in set(drawn)} == kinds


def test_share_is_configurable() -> None:
    kinds = [condition.kind for condition in _plan(_method(balancing=0.25))]
    assert kinds.count("balancing") == 3


def test_all_share_the_network_of_sdm() -> None:
    parts = [cls(cls.Config.model_validate(tiny())).parts() for cls in (SDM, DiffMix, DiffMixB, DiffMixE)]
    assert all(part == parts[0] for part in parts)


def test_published_defaults() -> None:
    method = DiffMix(DiffMix.Config())
    assert method.start_steps == 55
    assert method.config.sampler.steps == 100
    assert method.config.guidance_scale == 1.5
    assert method.config.sampler.eta == 0.0
    assert (method.config.enlarging.max_shift, method.config.enlarging.share) == (3, 0.5)


def test_provenance() -> None:
    conditions = _plan(_method())
    assert len({condition.id for condition in conditions}) == 12
    assert [c.recipe for c in conditions] == [c.recipe for c in _plan(_method())]
    changed = set()
    for condition in conditions:
        assert condition.sources["train"] in TRAIN.ids
        assert condition.crop is not None
        assert json.loads(json.dumps(condition.recipe)) == condition.recipe
        assert condition.recipe["start"] == "source"
        assert condition.recipe["start_steps"] == 2
        assert condition.recipe["guidance_scale"] == 1.5
        changed |= {"swaps", "shifts"} & set(condition.recipe)
        assert not (condition.kind == "balancing" and "shifts" in condition.recipe)
    assert changed == {"swaps", "shifts"}


def test_labels_are_whole_and_of_the_same_classes() -> None:
    for condition in _plan(_method()):
        assert condition.instances is not None
        assert condition.types is not None
        assert condition.instances.dtype == np.int32
        assert condition.types.dtype == np.uint8
        ids = np.unique(condition.instances)
        assert ids[ids > 0].tolist() == list(range(1, len(condition.types) + 1))
        assert set(condition.types.tolist()) <= {1, 2, 3, 4}


def test_balancing_labels_are_gradmix_labels() -> None:
    method = _method(DiffMixB)
    mixer = TileMixer(TRAIN, method.config.mixing)
    for condition in _plan(method):
        assert "train" in condition.sources
        assert condition.crop is not None
        mixed = mixer.mix(TRAIN.ids.index(condition.sources["train"]), condition.recipe["tile_seed"], blend=False)
        expected = crop_labels(mixed.instances, mixed.types, *condition.crop, 32, min_area=3)
        np.testing.assert_array_equal(condition.instances, expected[0])
        np.testing.assert_array_equal(condition.types, expected[1])


def test_balancing_raises_the_rare_class() -> None:
    def rare(conditions: list[Condition]) -> float:
        types = np.concatenate([c.types for c in conditions if c.types is not None])
        return float(np.mean(types == 1))

    assert rare(_plan(_method(DiffMixB), 60)) > 1.5 * rare(_plan(_method(DiffMixE), 60))


class _Calls:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows: list[int] = []
        self.times: list[int] = []
        original = SDMNetwork.forward

        def forward(network: SDMNetwork, x: torch.Tensor, times: torch.Tensor, labels: Any) -> torch.Tensor:
            self.rows.append(len(x))
            self.times.append(int(times[0]))
            return original(network, x, times, labels)

        monkeypatch.setattr(SDMNetwork, "forward", forward)


@pytest.mark.parametrize(("scale", "evaluations"), [(1.5, 110), (1.0, 55)])
def test_exactly_55_evaluations(
    fitted: dict[str, Path], monkeypatch: pytest.MonkeyPatch, scale: float, evaluations: int
) -> None:
    calls = _Calls(monkeypatch)
    method = _method(sampler={"steps": 100}, guidance_scale=scale)
    list(method.render(_plan(method, 1), DATA, fitted, toy.Run()))
    assert calls.times == list(range(540, -1, -10))
    assert sum(calls.rows) == evaluations


def test_no_steps_return_the_real_patch(fitted: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _Calls(monkeypatch)
    method = _method(start_percent=0.0)
    conditions = _plan(method, 4)
    for condition, image in zip(conditions, method.render(conditions, DATA, fitted, toy.Run()), strict=True):
        assert "train" in condition.sources
        assert condition.crop is not None
        y, x = condition.crop
        tile = TRAIN[TRAIN.ids.index(condition.sources["train"])]
        np.testing.assert_array_equal(image, tile.image[y : y + 32, x : x + 32])
    assert calls.rows == []


def test_a_condition_without_source_starts_from_a_random_training_patch(fitted: dict[str, Path]) -> None:
    method = _method(start_percent=0.0)
    own = _plan(method, 6)
    foreign = [replace(c, sources={}, crop=None, seed=number) for number, c in enumerate(own)]
    starts = [method.start_of(condition, TRAIN) for condition in foreign]
    assert {start.kind for start in starts} == {"train-random"}
    assert len(set(starts)) > 1
    assert starts == [method.start_of(condition, TRAIN) for condition in foreign]
    images = list(method.render(foreign, DATA, fitted, toy.Run()))
    for start, image in zip(starts, images, strict=True):
        tile = TRAIN[TRAIN.ids.index(start.sample)].image
        np.testing.assert_array_equal(image, tile[start.y : start.y + 32, start.x : start.x + 32])


def test_a_source_outside_the_training_set_is_refused(fitted: dict[str, Path]) -> None:
    method = _method()
    condition = replace(_plan(method, 1)[0], sources={"train": "test-0"})
    with pytest.raises(DataError, match="training tile"):
        list(method.render([condition], DATA, fitted, toy.Run()))
