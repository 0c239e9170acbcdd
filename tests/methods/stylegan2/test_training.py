"""Training: averages, lazy regularisation, precision, resuming."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from methods.stylegan2 import StyleGAN2, StyleGAN2Config, TrainingSettings
from methods.stylegan2.discriminator import Discriminator
from methods.stylegan2.generator import Generator
from methods.stylegan2.model import WEIGHTS
from methods.stylegan2.training import Adversaries, average_decay
from tests import toy
from tests.methods.stylegan2_presets import tiny
from tests.toy_tissue import TissueDataset

DATA = {"train": TissueDataset(12, 16)}
STEPS = {"steps": 12, "r1_every": 4, "path_every": 3}


def _fit(out: Path, run: toy.Run | None = None, **training: Any) -> toy.Run:
    out.mkdir(exist_ok=True)
    run = run or toy.Run()
    method = StyleGAN2(StyleGAN2Config.model_validate(tiny(training=training)))
    method.fit(method.parts()[0], DATA, {}, out, run)
    return run


def _equal(one: Path, other: Path) -> bool:
    first, second = load_file(one / WEIGHTS), load_file(other / WEIGHTS)
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_published_values() -> None:
    settings = TrainingSettings()
    assert (settings.batch_size, settings.epochs, settings.learning_rate, settings.betas) == (64, 100, 2e-4, (0, 0.99))
    assert (settings.r1_every, settings.path_every, settings.path_weight, settings.path_decay) == (16, 4, 2, 0.01)
    assert (settings.path_batch, settings.style_mixing, settings.symmetries, settings.augment.enabled) == (
        0.5,
        0.9,
        "none",
        False,
    )


def test_average_has_its_half_life_in_images() -> None:
    settings = TrainingSettings(batch_size=50, ema_half_life=1)
    assert math.prod(average_decay(settings, step) for step in range(20)) == pytest.approx(0.5)
    ramped = TrainingSettings(batch_size=50, ema_half_life=1, ema_ramp=0.1)
    assert average_decay(ramped, 0) == 0
    # 100 steps in, the half-life is 10 steps
    assert average_decay(ramped, 100) ** 10 == pytest.approx(0.5)
    assert average_decay(ramped, 10**6) == average_decay(settings, 0)


def test_adam_allows_for_the_steps_of_lazy_regularisers() -> None:
    config = StyleGAN2Config.model_validate(tiny())

    def optimizers(**training: Any) -> dict[str, Any]:
        settings = TrainingSettings(learning_rate=1.0, betas=(0.5, 0.99), **training)
        networks = Generator(16, 3, config.network), Discriminator(16, 3, config.network)
        found = Adversaries(*networks, settings).optimizers
        return {name: optimizer.param_groups[0] for name, optimizer in found.items()}

    groups = optimizers()
    assert groups["generator"]["lr"] == pytest.approx(4 / 5)
    assert groups["generator"]["betas"] == pytest.approx((0.5 ** (4 / 5), 0.99 ** (4 / 5)))
    assert groups["discriminator"]["lr"] == pytest.approx(16 / 17)
    assert optimizers(r1_weight=0)["discriminator"]["lr"] == 1


def test_regularisers_run_when_they_are_due(tmp_path: Path) -> None:
    curves = _fit(tmp_path, **STEPS).curves
    assert sorted(curves["stylegan2/r1"]) == [0, 4, 8]
    assert sorted(curves["stylegan2/path_penalty"]) == [0, 3, 6, 9]
    assert len(curves["stylegan2/generator"]) == len(curves["stylegan2/discriminator"]) == 12
    assert all(math.isfinite(value) for curve in curves.values() for value in curve.values())


def test_regularisers_can_be_left_out(tmp_path: Path) -> None:
    curves = _fit(tmp_path, r1_weight=0, path_weight=0, style_mixing=0).curves
    assert "stylegan2/r1" not in curves
    assert "stylegan2/path_penalty" not in curves


class _KilledError(Exception):
    pass


class _Dying(toy.Run):
    """A run that dies when it records the loss of a step."""

    def curve(self, name: str, step: int, value: float) -> None:
        if step == 7:
            raise _KilledError
        super().curve(name, step, value)


@pytest.mark.parametrize("augmented", [False, True])
def test_a_killed_training_goes_on_to_the_same_weights(tmp_path: Path, augmented: bool) -> None:
    # a probability that is on its way when the training is killed; path means and w means are, too
    settings = STEPS | {"augment": {"enabled": augmented, "target": -1.0, "speed": 0.02, "every": 2}}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    curves = _fit(whole, toy.Run(seed=1), **settings).curves
    with pytest.raises(_KilledError):
        _fit(killed, _Dying(seed=1), **settings)
    assert (killed / "checkpoint.pt").exists()
    assert not (killed / WEIGHTS).exists()
    again = _fit(killed, toy.Run(seed=1), **settings).curves
    assert min(again["stylegan2/loss"]) > 0
    assert _equal(whole, killed)
    assert ("stylegan2/augmentation" in curves) == augmented
    if augmented:
        assert 0 < max(curves["stylegan2/augmentation"].values()) <= 1


def test_weights_are_averaged(tmp_path: Path) -> None:
    _fit(tmp_path, ema_ramp=None)
    modules = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["modules"]
    saved = load_file(tmp_path / WEIGHTS)
    raw, averaged = modules["generator"], modules["average"]
    assert raw.keys() == averaged.keys() == saved.keys()
    assert all(torch.equal(saved[name], averaged[name]) for name in saved)
    parameters = [name for name in raw if not name.startswith("mean_")]
    assert sum(not torch.equal(raw[name], averaged[name]) for name in parameters) > len(parameters) / 2
    # w is tracked, not averaged
    assert torch.equal(raw["mean_sum"], averaged["mean_sum"])
    assert raw["mean_weight"].min() > 0


def test_seeds_matter(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        _fit(tmp_path / name, toy.Run(seed=seed), steps=2)
    assert _equal(tmp_path / "a", tmp_path / "b")
    assert not _equal(tmp_path / "a", tmp_path / "c")


def test_bfloat16_trains_close_to_float32(tmp_path: Path) -> None:
    exact = _fit(tmp_path / "exact", **STEPS).curves
    rough = _fit(tmp_path / "rough", toy.Run(precision="bf16-mixed"), **STEPS).curves
    assert not _equal(tmp_path / "exact", tmp_path / "rough")
    for name in ("generator", "discriminator", "path_length"):
        first = [curves[f"stylegan2/{name}"][0] for curves in (exact, rough)]
        assert first[0] == pytest.approx(first[1], rel=0.05), name
    assert all(math.isfinite(value) for curve in rough.values() for value in curve.values())
    stored = load_file(tmp_path / "rough" / WEIGHTS)
    assert {value.dtype for value in stored.values()} == {torch.float32}
