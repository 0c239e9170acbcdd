"""The autoencoder with a codebook: training, latents, and the folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from methods.latent.autoencoder import load_autoencoder, load_codec
from methods.latent.autoencoder_training import train_autoencoder_on
from methods.latent.config import AutoencoderPart
from methods.latent.windows import Windows
from tests import toy

NETWORK = {"kind": "vq", "width": 8, "multipliers": [1, 2], "blocks": 1, "groups": 4, "middle_attention": False}
TRAINING = {"batch_size": 4, "accumulate": 1, "learning_rate": 3e-3, "discriminator_start": 999}


def trained(out: Path, steps: int, start: Path | None = None) -> toy.Run:
    run = toy.Run()
    given = {"network": NETWORK | {"codebook": 64}, "training": TRAINING | {"steps": steps}, "patch_size": 16}
    part = AutoencoderPart.model_validate(given)
    out.mkdir()
    train_autoencoder_on(part, Windows([toy.NucleiDataset(n_tiles=2, size=48)], 16, 0), out, run, start)
    return run


def images() -> torch.Tensor:
    drawn = [toy.tile(seed, 16)[0] for seed in range(90, 98)]
    return torch.stack([torch.from_numpy(image).permute(2, 0, 1) for image in drawn]).float() / 127.5 - 1


def error(folder: Path) -> float:
    codec = load_codec(folder, toy.Run())
    return float((codec.decode(codec.scale * codec.moments(images())) - images()).pow(2).mean())


@pytest.mark.slow
def test_training_reconstructs_and_uses_the_codebook(tmp_path: Path) -> None:
    trained(tmp_path / "few", 2)
    run = trained(tmp_path / "more", 150)
    assert error(tmp_path / "more") < 0.5 * error(tmp_path / "few")
    assert any("codebook" in name for name in run.curves)
    network = load_autoencoder(tmp_path / "more")
    latents = network.encode(images()).latents
    used = network.quantize(latents)[2][2].unique()
    assert len(used) > 3


def test_latents_have_about_unit_variance_and_no_noise(tmp_path: Path) -> None:
    trained(tmp_path / "out", 20)
    codec = load_codec(tmp_path / "out", toy.Run())
    moments = codec.moments(images())
    one, two = (codec.sample(moments, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert torch.equal(one, two)
    assert 0.5 < float(one.std()) < 2


@pytest.mark.slow
def test_finetuning_keeps_the_scale_and_continues(tmp_path: Path) -> None:
    trained(tmp_path / "first", 60)
    trained(tmp_path / "second", 60, tmp_path / "first")
    scales = {load_autoencoder(tmp_path / name).config.scaling_factor for name in ("first", "second")}
    assert len(scales) == 1
    assert error(tmp_path / "second") < error(tmp_path / "first")
