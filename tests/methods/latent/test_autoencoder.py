"""The KL autoencoder: it learns, saves in diffusers' format, resumes; its losses do what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from safetensors.torch import load_file

from bench.errors import ConfigError, DataError, MissingError
from methods.latent.autoencoder import kl_divergence, load_autoencoder, load_codec, make_autoencoder
from methods.latent.autoencoder_training import cut, hinge, train_autoencoder
from methods.latent.config import AutoencoderNetwork, AutoencoderPart, AutoencoderTraining, PerceptualSettings
from methods.latent.perceptual import perceptual_loss
from methods.latent.reconstruction import reconstruct
from tests import toy
from tests.methods.latent.presets import KilledError, Stripes, Unlabelled, autoencoder

WEIGHTS = "autoencoder/diffusion_pytorch_model.safetensors"


def _train(out: Path, run: toy.Run | None = None, images: int = 12, **changes: object) -> toy.Run:
    out.mkdir(exist_ok=True)
    run = run or toy.Run()
    part = AutoencoderPart.model_validate(autoencoder(**changes))
    train_autoencoder(part, Unlabelled(images, part.patch_size), out, run)
    return run


def _pixels(n: int, seed: int, size: int = 16) -> torch.Tensor:
    data = Stripes(n, size, seed=seed)
    return torch.from_numpy(np.stack([data[i].image for i in range(n)])).permute(0, 3, 1, 2).float() / 127.5 - 1


def test_published_defaults() -> None:
    training, network = AutoencoderTraining(), AutoencoderNetwork()
    assert (training.batch_size, training.epochs, training.accumulate, training.learning_rate) == (6, 10, 2, 4.5e-6)
    assert (training.discriminator_start, training.discriminator_weight, training.kl_weight) == (50001, 0.5, 1e-6)
    made = make_autoencoder(network, 256)
    assert made.config.block_out_channels == (128, 256, 512)
    with torch.no_grad():
        assert made.encode(torch.zeros(1, 3, 64, 64)).latent_dist.mean.shape == (1, 3, 16, 16)
    assert not any("attentions" in name for name, _ in made.encoder.down_blocks.named_parameters())


def test_the_folder_is_diffusers_own(tmp_path: Path) -> None:
    _train(tmp_path)
    plain = AutoencoderKL.from_pretrained(tmp_path / "autoencoder")
    codec, images = load_codec(tmp_path, toy.Run()), _pixels(3, 5)
    moments = codec.moments(images)
    assert torch.allclose(plain.encode(images).latent_dist.parameters, moments, atol=1e-6)
    latents = codec.scale * moments.chunk(2, 1)[0]
    assert torch.allclose(plain.decode(latents / plain.config.scaling_factor).sample, codec.decode(latents), atol=1e-6)


@pytest.mark.parametrize("kind", ["kl", "vq"])
def test_a_reconstruction_is_the_decoded_mean(tmp_path: Path, kind: str) -> None:
    _train(tmp_path, network={**autoencoder()["network"], "kind": kind})
    plain = load_autoencoder(tmp_path)
    data = Stripes(5, 16, seed=3)
    images = [data[index].image for index in range(5)]
    found = list(reconstruct(iter(images), tmp_path, 2, toy.Run()))
    assert all(image.dtype == np.uint8 and image.shape == (16, 16, 3) for image in found)
    pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        encoded = plain.encode(pixels)
        latents = encoded.latents if kind == "vq" else encoded.latent_dist.mean
        expected = plain.decode(latents).sample.permute(0, 2, 3, 1).numpy()
    levels = np.clip((expected + 1) * 127.5, 0, 255)
    np.testing.assert_allclose(np.stack(found), levels, atol=0.51)


def test_the_scale_gives_the_first_batch_unit_deviation(tmp_path: Path) -> None:
    _train(tmp_path, images=4)
    codec = load_codec(tmp_path, toy.Run())
    images = torch.from_numpy(np.stack([Unlabelled(4, 16)[i].image for i in range(4)])).permute(0, 3, 1, 2)
    latents = codec.sample(codec.moments(images.float() / 127.5 - 1), torch.Generator().manual_seed(3))
    assert float(latents.std()) == pytest.approx(1.0, abs=0.05)


def test_divergence_and_hinge() -> None:
    moments = torch.randn(2, 6, 4, 4)
    torch.testing.assert_close(kl_divergence(moments), DiagonalGaussianDistribution(moments).kl())
    assert float(hinge(torch.full((4,), 2.0), torch.full((4,), -2.0))) == 0
    assert float(hinge(torch.full((4,), -1.0), torch.full((4,), 1.0))) == 2


def test_the_discriminator_starts_when_told(tmp_path: Path) -> None:
    run = _train(tmp_path, training={"steps": 5, "discriminator_start": 3})
    assert sorted(run.curves["autoencoder/discriminator"]) == [3, 4]
    assert all(weight > 0 for weight in run.curves["autoencoder/adversarial_weight"].values())


def test_accumulated_batches_are_one(tmp_path: Path) -> None:
    for name, shape in (("whole", (8, 1)), ("parts", (4, 2))):
        training = {"batch_size": shape[0], "accumulate": shape[1], "discriminator_start": 99, "steps": 1}
        _train(tmp_path / name, training=training)
    whole, parts = (torch.load(tmp_path / n / "checkpoint.pt", weights_only=True) for n in ("whole", "parts"))
    first, other = (state["optimizers"]["autoencoder"]["state"] for state in (whole, parts))
    # posterior noise is drawn in another order, of which the loss hardly depends: the gradients' means nearly agree
    a, b = (torch.cat([s["exp_avg"].flatten() for s in state.values()]) for state in (first, other))
    assert torch.nn.functional.cosine_similarity(a, b, dim=0) > 0.9
    assert float(a.norm() / b.norm()) == pytest.approx(1, abs=0.2)


class _Dying(toy.Run):
    def curve(self, name: str, step: int, value: float) -> None:
        if step == 6:
            raise KilledError
        super().curve(name, step, value)


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    training = {"steps": 10, "decay": True, "clip": 1.0, "orient": True, "discriminator_start": 3}
    _train(tmp_path / "whole", training=training)
    with pytest.raises(KilledError):
        _train(tmp_path / "killed", _Dying(), training=training)
    assert not (tmp_path / "killed" / WEIGHTS).exists()
    _train(tmp_path / "killed", training=training)
    whole, killed = (load_file(tmp_path / name / WEIGHTS) for name in ("whole", "killed"))
    assert all(torch.equal(whole[name], killed[name]) for name in whole)
    assert load_autoencoder(tmp_path / "whole").config == load_autoencoder(tmp_path / "killed").config | {
        "_name_or_path": load_autoencoder(tmp_path / "whole").config["_name_or_path"]
    }


@pytest.mark.slow
def test_reconstructions_beat_the_mean_image(tmp_path: Path) -> None:
    network = {"width": 16, "multipliers": [1, 2]}
    training = {"steps": 400, "batch_size": 8, "learning_rate": 3e-3, "decay": True, "discriminator_start": 999}
    _train(tmp_path, images=60, network=network, training=training)
    codec, unseen = load_codec(tmp_path, toy.Run()), _pixels(30, seed=9)
    found = codec.decode(codec.scale * codec.moments(unseen).chunk(2, 1)[0])
    error, of_mean = ((found - unseen) ** 2).mean(), ((unseen - unseen.mean(0)) ** 2).mean()
    assert error < 0.1 * of_mean
    # nor does the mean colour of each image do
    assert error < 0.4 * ((unseen - unseen.mean((2, 3), keepdim=True)) ** 2).mean()


def test_perceptual_features(tmp_path: Path) -> None:
    assert PerceptualSettings.model_validate({}).features == "random-convnet"
    given = PerceptualSettings.model_validate({"weights": tmp_path})
    assert given.features == "lpips"
    assert str(tmp_path) not in given.model_dump_json()
    with pytest.raises(MissingError):
        perceptual_loss(given)
    with pytest.raises(ConfigError):
        perceptual_loss(PerceptualSettings(features="lpips"))
    assert perceptual_loss(PerceptualSettings(features="none")) is None
    distance, images = perceptual_loss(PerceptualSettings(features="random-convnet")), _pixels(2, 1)
    assert distance is not None
    blurred = torch.nn.functional.avg_pool2d(images, 5, 1, 2, count_include_pad=False)
    brighter = images + (blurred - images).abs().mean()
    assert distance(images, images).abs().max() == 0
    assert (distance(blurred, images) > distance(brighter, images)).all()


def test_crops_are_windows_of_the_images(tmp_path: Path) -> None:
    image, rng = np.arange(3 * 16 * 16).reshape(3, 16, 16), np.random.default_rng(0)
    cuts = [cut(image, 8, rng) for _ in range(200)]
    corners = {divmod(int(c[0, 0, 0]), 16) for c in cuts}
    assert all(
        np.array_equal(c, image[:, top : top + 8, left : left + 8])
        for c in cuts
        for top, left in [divmod(int(c[0, 0, 0]), 16)]
    )
    assert {top for top, _ in corners} == {left for _, left in corners} == set(range(9))
    _train(tmp_path, training={"crop": 8})
    assert load_autoencoder(tmp_path).config.sample_size == 16


def test_wrong_images_are_named(tmp_path: Path) -> None:
    part = AutoencoderPart.model_validate(autoencoder())
    with pytest.raises(DataError, match="16 x 16"):
        train_autoencoder(part, Unlabelled(2, 24), tmp_path, toy.Run())
    with pytest.raises(DataError, match="images to train on"):
        train_autoencoder(part, Unlabelled(0, 16), tmp_path, toy.Run())
    with pytest.raises(DataError, match="trained AutoencoderKL"):
        load_codec(tmp_path, toy.Run())
