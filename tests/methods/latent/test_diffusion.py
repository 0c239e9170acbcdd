"""Denoisers of latents and encoder-UNets: published sizes, folders, latents, learning, resuming."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import UNet2DModel
from diffusers.models.attention_processor import Attention
from safetensors.torch import load_file

from bench.errors import DataError
from methods.diffusion.config import SamplerSettings
from methods.diffusion.sampling import NoiseSource, Sampler
from methods.diffusion.schedule import NoiseSchedule, betas
from methods.latent.autoencoder import load_codec, make_autoencoder, save_autoencoder
from methods.latent.config import (
    AutoencoderNetwork,
    BatchSettings,
    EncoderSettings,
    LatentDiffusionPart,
    LatentTraining,
    UNetSettings,
)
from methods.latent.diffusion_training import rate_at, train_latent_diffusion
from methods.latent.encoder_unet import EncoderUNet
from methods.latent.images import Images
from methods.latent.latents import Latents
from methods.latent.unet import load_denoiser, make_unet
from tests import toy
from tests.methods.latent.presets import KilledError, Stripes, Unlabelled

NETWORK = AutoencoderNetwork(width=8, multipliers=(1, 2), blocks=1, groups=4, middle_attention=False)
SMALL = {
    "network": {"width": 16, "multipliers": [1, 2], "blocks": 1, "attention_factors": [2], "heads": 2, "groups": 4},
    "diffusion": {"prediction": "v"},
    "training": {"steps": 6, "batch_size": 4, "learning_rate": 2e-3, "warmup": 2, "ema": 0.9, "decay": True},
}


@pytest.fixture
def autoencoder(tmp_path: Path) -> Path:
    folder = tmp_path / "autoencoder"
    folder.mkdir()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_autoencoder(folder, make_autoencoder(NETWORK, 16), 2.0)
    return folder


def _train(autoencoder: Path, out: Path, run: toy.Run | None = None, **changes: object) -> LatentDiffusionPart:
    out.mkdir(exist_ok=True)
    part = LatentDiffusionPart.model_validate({**SMALL, **changes})
    train_latent_diffusion(part, Unlabelled(10, 16), autoencoder, out, run or toy.Run())
    return part


def test_published_unet() -> None:
    """Spec appendix B.3: 64, 32, 16, 8, 4; 192 to 768; attention everywhere but at 4; 8 heads."""
    with torch.device("meta"):
        unet = make_unet(UNetSettings(), (3, 64, 64))
    assert unet.config.block_out_channels == (192, 384, 384, 768, 768)
    levels = [any(isinstance(m, Attention) for m in block.modules()) for block in unet.down_blocks]
    assert levels == [True, True, True, True, False]
    assert {m.heads for m in unet.modules() if isinstance(m, Attention)} == {8}
    training = LatentTraining()
    assert (training.batch_size, training.epochs, training.learning_rate, training.warmup) == (4, 10, 5e-5, 10000)


def test_published_classifier_reaches_two_by_two() -> None:
    with torch.device("meta"):
        encoder = EncoderUNet(EncoderSettings(), 3, 64, 9)
    assert encoder.pool.places.shape == (2 * 2 + 1, 512)
    attends = [any(isinstance(m, Attention) for m in block.modules()) for block in encoder.down_blocks]
    assert attends == [False, False, False, True, True, False]  # at 8 and 4, beside the middle
    assert encoder.pool.heads == 8


def test_all_norms_of_a_classifier_are_the_released() -> None:
    """One before every attention, the middle's too, and all with the release's epsilon."""
    with torch.device("meta"):
        encoder = EncoderUNet(EncoderSettings(), 3, 64, 9)
    attentions = [module for module in encoder.modules() if isinstance(module, Attention)]
    assert len(attentions) == 5
    assert all(isinstance(module.group_norm, torch.nn.GroupNorm) for module in attentions)
    assert {module.eps for module in encoder.modules() if isinstance(module, torch.nn.GroupNorm)} == {1e-5}


def test_an_encoder_reads_image_and_step() -> None:
    settings = EncoderSettings(width=8, multipliers=(1, 2), blocks=1, attention_sizes=(4,), head_channels=8, groups=4)
    encoder, x = EncoderUNet(settings, 3, 8, 5).eval(), torch.randn(2, 3, 8, 8)
    clean, noisy = (encoder(x, torch.full((2,), t)) for t in (0, 900))
    assert clean.shape == (2, 5)
    assert not torch.allclose(clean, noisy)
    assert not torch.allclose(clean[0], clean[1])
    torch.testing.assert_close(encoder(x[:1], torch.tensor([0])), clean[:1])


def test_heads_share_the_weights_of_plain_diffusers(autoencoder: Path, tmp_path: Path) -> None:
    _train(autoencoder, tmp_path / "unet")
    denoiser, flags = load_denoiser(tmp_path / "unet", toy.Run())
    assert flags.shape == (3, 8, 8)
    x, times = torch.randn(2, 3, 8, 8), torch.tensor([3, 500])
    plain = UNet2DModel.from_pretrained(tmp_path / "unet" / "unet")
    for layer in plain.modules():
        if isinstance(layer, Attention):
            layer.heads = 2
    with torch.no_grad():
        torch.testing.assert_close(denoiser(x, times), plain.eval()(x, times).sample)


def test_warm_up() -> None:
    settings = LatentTraining()
    rates = [settings.learning_rate * rate_at(step, settings, 10**6) for step in (0, 5000, 10000, 500000)]
    assert rates == pytest.approx([1e-6, 2.55e-5, 5e-5, 5e-5])


@pytest.mark.parametrize("turned", [False, True])
def test_kept_and_fresh_latents_are_the_same(autoencoder: Path, turned: bool) -> None:
    run, settings = toy.Run(), BatchSettings(batch_size=3, epochs=1, orient=turned)
    images, codec = Images(Stripes(5, 16), 16, 3, labelled=True), load_codec(autoencoder, run)
    drawn, labels = [], []
    for kept in (False, True):
        batch = Latents(images, codec, settings, kept=kept).batch(1, np.random.default_rng(4))
        tensors = {name: torch.from_numpy(value) for name, value in batch.items()}
        latents = Latents(images, codec, settings, kept=kept)
        drawn.append(latents.draw(tensors, torch.Generator().manual_seed(1)))
        labels.append(batch["label"].tolist())
    torch.testing.assert_close(*drawn)
    assert labels[0] == labels[1]


def test_an_epoch_shows_every_image_once() -> None:
    images = Images(Stripes(7, 16), 16, 3)
    seen = np.concatenate([images.places(step, 3) for step in range(7)])
    assert [sorted(seen[k : k + 7].tolist()) for k in (0, 7, 14)] == [list(range(7))] * 3
    assert seen[:7].tolist() != seen[7:14].tolist()


class _Dying(toy.Run):
    def curve(self, name: str, step: int, value: float) -> None:
        if step == 4:
            raise KilledError
        super().curve(name, step, value)


def test_a_killed_training_goes_on_to_the_same_weights(autoencoder: Path, tmp_path: Path) -> None:
    _train(autoencoder, tmp_path / "whole")
    with pytest.raises(KilledError):
        _train(autoencoder, tmp_path / "killed", _Dying())
    _train(autoencoder, tmp_path / "killed")
    file = "unet/diffusion_pytorch_model.safetensors"
    whole, killed = (load_file(tmp_path / name / file) for name in ("whole", "killed"))
    assert all(torch.equal(whole[name], killed[name]) for name in whole)


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="latent diffusion"):
        load_denoiser(tmp_path, toy.Run())


@pytest.mark.slow
def test_samples_have_the_latents_of_the_data(autoencoder: Path, tmp_path: Path) -> None:
    training = {**SMALL["training"], "steps": 400, "batch_size": 16, "ema": 0.98}
    part = _train(autoencoder, tmp_path / "unet", training=training)
    run = toy.Run()
    denoiser, flags = load_denoiser(tmp_path / "unet", run)
    sampler = Sampler(part.diffusion, SamplerSettings(steps=25, clip=False), NoiseSchedule(betas(part.diffusion)))
    noise = NoiseSource(range(48))
    drawn = sampler.run(lambda x, t: denoiser(x, torch.full((len(x),), t)), noise.draw(flags.shape), noise)
    codec, data = load_codec(autoencoder, run), Unlabelled(10, 16)
    pixels = torch.from_numpy(np.stack([data[i].image for i in range(10)])).permute(0, 3, 1, 2).float() / 127.5 - 1
    real = codec.sample(codec.moments(pixels), torch.Generator().manual_seed(0))
    assert (drawn.mean((0, 2, 3)) - real.mean((0, 2, 3))).abs().max() < 0.35 * float(real.std())
    assert float(drawn.std() / real.std()) == pytest.approx(1, abs=0.25)
