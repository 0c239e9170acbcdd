"""Proofs that the network learns: the loss falls, and the label map decides what is drawn where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jaxtyping import Bool
from scipy import ndimage

from bench.contract import Condition
from methods.diffmix import DiffMixE
from methods.sdm import SDM
from tests import toy
from tests.methods.sdm_presets import tiny

DATA = {"train": toy.NucleiDataset(6, 96)}


def _settings(steps: int, width: int) -> dict[str, Any]:
    return tiny(
        network={"width": width, "multipliers": [1, 2, 2], "attention": [8]},
        diffusion={"sigma_data": 0.35, "sigma_skip": 0.1, "log_sigma_mean": -0.4, "log_sigma_sd": 1.5},
        training={
            "steps": steps,
            "batch_size": 8,
            "first_stage": 0.0,
            "learning_rates": [3e-3, 3e-3],
            "warmup": 5,
            "decay": True,
            "ema": 0.95,
        },
        sampler={"steps": 10},
    )


def _train(settings: dict[str, Any], out: Path) -> toy.Run:
    method, run = SDM(SDM.Config.model_validate(settings)), toy.Run()
    method.fit(method.parts()[0], DATA, {}, out, run)
    return run


def _without(condition: Condition, nucleus: int) -> Condition:
    assert condition.instances is not None
    assert condition.types is not None
    left = np.where(condition.instances == nucleus, 0, condition.instances)
    left = np.where(left > nucleus, left - 1, left).astype(np.int32)
    return replace(condition, instances=left, types=np.delete(condition.types, nucleus - 1))


def _moved(
    condition: Condition, nucleus: int, mask: Bool[np.ndarray, "h w"]
) -> tuple[Condition, Bool[np.ndarray, "h w"]]:
    """Move a nucleus 8 px towards the middle; returns the condition and the pixels that it left or entered."""
    assert condition.instances is not None
    shift = 8 if np.argwhere(mask)[:, 0].mean() < mask.shape[0] / 2 else -8
    target = np.roll(mask, shift, axis=0)
    instances = np.where(mask, 0, condition.instances)
    instances = np.where(target & (instances == 0), nucleus, instances).astype(np.int32)
    return replace(condition, instances=instances), mask ^ (instances == nucleus)


def _large(conditions: list[Condition]) -> Iterator[tuple[Condition, int, Bool[np.ndarray, "h w"]]]:
    """Yield conditions with their largest nucleus, where that is a whole one."""
    for condition in conditions:
        assert condition.instances is not None
        areas = np.bincount(condition.instances.ravel())[1:]
        if areas.max(initial=0) >= 60:
            nucleus = int(areas.argmax()) + 1
            yield condition, nucleus, condition.instances == nucleus


def _change(
    method: SDM, fitted: dict[str, Path], pairs: list[tuple[Condition, Condition, Bool[np.ndarray, "h w"]]]
) -> tuple[float, float]:
    """Return the mean change of grey levels inside the masks, and further than 4 px from them."""
    before = method.render([old for old, _, _ in pairs], DATA, fitted, toy.Run())
    after = method.render([new for _, new, _ in pairs], DATA, fitted, toy.Run())
    inside, elsewhere = [], []
    for one, two, (_, _, mask) in zip(before, after, pairs, strict=True):
        change = np.abs(one.astype(float) - two).mean(-1)
        inside.append(change[mask].mean())
        elsewhere.append(change[~ndimage.binary_dilation(mask, iterations=4)].mean())
    return float(np.mean(inside)), float(np.mean(elsewhere))


@pytest.mark.slow
def test_a_short_training_learns(tmp_path: Path) -> None:
    settings = _settings(steps=60, width=8)
    losses = list(_train(settings, tmp_path).curves["sdm/loss"].values())
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:5])
    method = SDM(SDM.Config.model_validate(settings))
    conditions = list(method.plan(DATA, 6, np.random.default_rng(0)))
    pairs = [(c, _without(c, nucleus), mask) for c, nucleus, mask in _large(conditions)]
    inside, elsewhere = _change(method, {"sdm": tmp_path}, pairs)
    assert inside > 2 * elsewhere


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Path]]:
    settings, out = _settings(steps=500, width=16), tmp_path_factory.mktemp("sdm")
    _train(settings, out)
    return settings, {"sdm": out}


@pytest.mark.slow
@pytest.mark.parametrize("cls", [SDM, DiffMixE])
@pytest.mark.parametrize("how", ["remove", "move", "retype"])
def test_one_nucleus_changes_the_image_there(
    trained: tuple[dict[str, Any], dict[str, Path]], cls: type[SDM], how: str
) -> None:
    settings, fitted = trained
    method = cls(cls.Config.model_validate(settings))
    conditions = list(method.plan(DATA, 30, np.random.default_rng(1)))
    pairs = []
    for condition, nucleus, mask in _large(conditions):
        assert condition.types is not None
        changed = _without(condition, nucleus)
        if how == "retype":
            types = condition.types.copy()
            types[nucleus - 1] = 2 if types[nucleus - 1] == 4 else 4
            changed = replace(condition, types=types)
        if how == "move":
            changed, mask = _moved(condition, nucleus, mask)
        pairs.append((condition, changed, mask))
    inside, elsewhere = _change(method, fitted, pairs)
    assert inside > 20
    assert inside > 5 * elsewhere


@pytest.mark.slow
@pytest.mark.parametrize("cls", [SDM, DiffMixE])
def test_a_removed_nucleus_leaves_background(trained: tuple[dict[str, Any], dict[str, Path]], cls: type[SDM]) -> None:
    # DiffMix starts from the noised patch that still shows the nucleus: it must not copy it
    settings, fitted = trained
    method = cls(cls.Config.model_validate(settings))
    large = list(_large(list(method.plan(DATA, 30, np.random.default_rng(2)))))
    images = method.render([_without(c, nucleus) for c, nucleus, _ in large], DATA, fitted, toy.Run())
    inside = np.array([image[mask].mean(0) for image, (_, _, mask) in zip(images, large, strict=True)])
    assert np.abs(inside.mean(0) - (235, 190, 215)).max() < 25


@pytest.mark.slow
@pytest.mark.parametrize("cls", [SDM, DiffMixE])
def test_colours_follow_the_class(trained: tuple[dict[str, Any], dict[str, Path]], cls: type[SDM]) -> None:
    settings, fitted = trained
    method = cls(cls.Config.model_validate(settings))
    conditions = list(method.plan(DATA, 30, np.random.default_rng(3)))
    images = list(method.render(conditions, DATA, fitted, toy.Run()))
    for kind in (2, 3, 4):
        colours = [
            image[condition.instances == number].mean(0)
            for image, condition in zip(images, conditions, strict=True)
            if condition.types is not None and condition.instances is not None
            for number in np.flatnonzero(condition.types == kind) + 1
            if (condition.instances == number).sum() > 30
        ]
        distances = {other: np.abs(np.mean(colours, 0) - toy.COLOURS[other]).mean() for other in (2, 3, 4)}
        assert min(distances, key=distances.__getitem__) == kind
        assert distances[kind] < 25
