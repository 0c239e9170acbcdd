"""Training: stages, rates, averaging, resuming."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from methods.sdm import SDM, SDMConfig, TrainingSettings
from methods.sdm.model import FLAGS, WEIGHTS, Flags
from methods.sdm.training import rate_at, stage_at
from tests import toy
from tests.methods.sdm_presets import tiny


def _fit(config: SDMConfig, out: Path, run: toy.Run | None = None) -> None:
    out.mkdir(exist_ok=True)
    method = SDM(config)
    method.fit(method.parts()[0], {"train": toy.NucleiDataset(2, 48)}, {}, out, run or toy.Run())


def test_published_stages() -> None:
    settings = TrainingSettings()
    assert [stage_at(step, settings) for step in (0, 5899, 5900, 9999)] == [0, 0, 1, 1]
    rates = [settings.learning_rates[0] * rate_at(step, settings) for step in (0, 5899, 5900, 9999)]
    assert rates == pytest.approx([1e-4, 1e-4, 2e-5, 2e-5])
    assert settings.condition_dropout == (0.0, 0.2)
    assert (settings.batch_size, settings.ema, settings.weight_decay) == (16, 0.9999, 0.0)


def test_warm_up_and_decay() -> None:
    settings = TrainingSettings(steps=100, first_stage=0.0, learning_rates=(1.0, 1.0), warmup=10, decay=True)
    assert rate_at(0, settings) == pytest.approx(0.1)
    assert rate_at(50, settings) == pytest.approx(0.5)
    assert rate_at(99, settings) < 0.001


def test_flags_lie_beside_the_weights(tmp_path: Path) -> None:
    config = SDMConfig.model_validate(tiny())
    _fit(config, tmp_path)
    flags = Flags.model_validate_json((tmp_path / FLAGS).read_text())
    assert flags.part == config.part
    assert flags.classes == 4
    assert len(flags.centre) == 3


class _KilledError(Exception):
    pass


class _Dying(toy.Run):
    """A run that dies when it records the loss of a step."""

    def curve(self, name: str, step: int, value: float) -> None:
        if step == 5:
            raise _KilledError
        super().curve(name, step, value)


@pytest.mark.parametrize("prediction", ["epsilon", "edm"])
def test_a_killed_training_goes_on_to_the_same_weights(tmp_path: Path, prediction: str) -> None:
    diffusion = {"prediction": prediction, "learned_variance": prediction == "epsilon"}
    config = SDMConfig.model_validate(
        tiny(training={"steps": 20, "first_stage": 0.5, "warmup": 3, "decay": True, "clip": 1.0}, diffusion=diffusion)
    )
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    _fit(config, whole)
    with pytest.raises(_KilledError):
        _fit(config, killed, _Dying())
    assert (killed / "checkpoint.pt").exists()
    assert not (killed / WEIGHTS).exists()
    _fit(config, killed)
    for (name, a), b in zip(load_file(whole / WEIGHTS).items(), load_file(killed / WEIGHTS).values(), strict=True):
        assert torch.equal(a, b), name


def test_weights_are_averaged(tmp_path: Path) -> None:
    _fit(SDMConfig.model_validate(tiny(training={"steps": 6})), tmp_path)
    raw = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["modules"]["model"]
    averaged = load_file(tmp_path / WEIGHTS)
    assert raw.keys() == averaged.keys()
    assert any(not torch.equal(raw[name], averaged[name]) for name in raw)


def test_seeds_matter(tmp_path: Path) -> None:
    config = SDMConfig.model_validate(tiny(training={"steps": 1}))
    for seed in (0, 1):
        _fit(config, tmp_path / str(seed), toy.Run(seed=seed))
    first, other = (load_file(tmp_path / str(seed) / WEIGHTS) for seed in (0, 1))
    assert not torch.equal(first["input_blocks.0.0.weight"], other["input_blocks.0.0.weight"])
