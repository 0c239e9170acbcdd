"""Parts that are read from released checkpoints: what is saved, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from bench.errors import BenchError, ConfigError, DataError
from methods.latent.autoencoder import load_autoencoder
from methods.latent.checkpoints import read_checkpoint
from methods.latent.config import ReleasedAutoencoderPart, ReleasedDiffusionPart
from methods.latent.released_parts import keep_autoencoder, keep_denoiser
from methods.latent.unet import load_denoiser
from tests import toy
from tests.methods.latent.original_unet import Shape, original
from tests.methods.latent.released_file import AUTOENCODER, SCALE, UNET, released_tensors, write_released


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_released(tmp_path_factory.mktemp("released") / "model.ckpt")


def _first(scale: float | None = None) -> ReleasedAutoencoderPart:
    return ReleasedAutoencoderPart.model_validate(
        {"patch_size": 32, "network": AUTOENCODER, "released_sha256": "a" * 64, "scale": scale}
    )


def _denoiser(**diffusion: Any) -> ReleasedDiffusionPart:
    return ReleasedDiffusionPart.model_validate({"network": UNET, "diffusion": diffusion, "released_sha256": "a" * 64})


@pytest.fixture(scope="module")
def autoencoder(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("autoencoder")
    keep_autoencoder(_first(), file, out)
    return out


def test_the_scale_is_the_checkpoints(autoencoder: Path) -> None:
    assert load_autoencoder(autoencoder).config.scaling_factor == pytest.approx(SCALE)


def test_the_saved_denoiser_is_the_averaged_original(file: Path, autoencoder: Path, tmp_path: Path) -> None:
    keep_denoiser(_denoiser(), file, autoencoder, tmp_path)
    denoiser, flags = load_denoiser(tmp_path, toy.Run())
    assert (flags.shape, flags.part) == ((3, 8, 8), _denoiser())
    generator = torch.Generator().manual_seed(1)
    x, times = torch.randn(2, 3, 8, 8, generator=generator), torch.tensor([3, 800])
    with torch.no_grad():
        torch.testing.assert_close(denoiser(x, times), original(Shape(), 1)(x, times), atol=1e-5, rtol=0)


def test_safetensors_and_bare_tensors_are_read(tmp_path: Path) -> None:
    tensors = {name: tensor.contiguous() for name, tensor in released_tensors().items()}
    save_file(tensors, tmp_path / "a.safetensors")
    torch.save(tensors, tmp_path / "b.pt")
    for name in ("a.safetensors", "b.pt"):
        assert read_checkpoint(tmp_path / name).keys() == tensors.keys()


def test_a_scale_that_nobody_says_is_asked_for(tmp_path: Path) -> None:
    bare = write_released(tmp_path / "bare.ckpt", scale=None)
    with pytest.raises(ConfigError, match="latent scale") as caught:
        keep_autoencoder(_first(), bare, tmp_path)
    assert "set autoencoder.scale" in caught.value.fix
    keep_autoencoder(_first(0.5), bare, tmp_path)
    assert load_autoencoder(tmp_path).config.scaling_factor == 0.5


def test_a_scale_that_contradicts_the_checkpoint_is_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="latent scale 0.5") as caught:
        keep_autoencoder(_first(0.5), file, tmp_path)
    assert (caught.value.got, caught.value.fix) == ("0.75", "leave scale out")


def test_a_denoiser_of_other_latents_is_refused(autoencoder: Path, tmp_path: Path) -> None:
    other = write_released(tmp_path / "other.ckpt", scale=0.25)
    with pytest.raises(DataError, match=r"scaled by 0\.75") as caught:
        keep_denoiser(_denoiser(), other, autoencoder, tmp_path)
    assert caught.value.got == "0.25"


@pytest.mark.parametrize("changes", [{"beta_end": 0.012}, {"steps": 500}, {"schedule": "linear"}])
def test_another_noise_schedule_is_refused(
    file: Path, autoencoder: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(DataError, match="steps of noise of variance") as caught:
        keep_denoiser(_denoiser(**changes), file, autoencoder, tmp_path)
    assert caught.value.got.startswith("1000 steps, 0.0015 to 0.0155")


class _Odd:
    """What a training framework leaves in its files."""


@pytest.mark.parametrize(
    ("content", "message", "fix"),
    [
        (
            {"state_dict": {"a": torch.zeros(1)}, "hyper_parameters": _Odd()},
            "more than tensors",
            "weights_only=False",
        ),
        ({"state_dict": {}}, "no tensors by name", "latent diffusion"),
        ([1], "no tensors by name", "latent diffusion"),
    ],
)
def test_unfit_files_are_refused(tmp_path: Path, content: object, message: str, fix: str) -> None:
    torch.save(content, tmp_path / "odd.ckpt")
    with pytest.raises(BenchError, match=message) as caught:
        read_checkpoint(tmp_path / "odd.ckpt")
    assert fix in caught.value.fix
    assert "odd.ckpt" in str(caught.value)


@pytest.mark.parametrize("name", ["broken.ckpt", "broken.safetensors"])
def test_broken_files_are_refused(file: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(file.read_bytes()[:5000])
    with pytest.raises(DataError, match=name):
        read_checkpoint(tmp_path / name)


def test_the_advised_conversion_works(tmp_path: Path) -> None:
    path = tmp_path / "odd.ckpt"
    torch.save({"state_dict": {"a": torch.ones(2)}, "hyper_parameters": _Odd()}, path)
    with pytest.raises(DataError) as caught:
        read_checkpoint(path)
    code = caught.value.fix.split('"')[1]
    exec(code)
    assert read_checkpoint(tmp_path / "odd.ckpt.safetensors")["a"].tolist() == [1, 1]
