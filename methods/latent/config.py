"""Settings of autoencoders, latent denoisers and encoder-UNets; defaults as HistoDiffusion trained them.

Sources: HistoDiffusion, supplement, table 2; karenyyy/HistoDiffAug, configs/: autoencoder_histo_kl_64x64x3.yaml and
histo-ldm-kl-8.yaml. Nothing here needs torch.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from bench.contract import Settings
from methods.diffusion.config import DiffusionSettings


class BatchSettings(Settings):
    """How many images are seen: `epochs` of the data, unless `steps` is given."""

    batch_size: int = Field(ge=1)
    epochs: float = Field(gt=0)
    steps: int | None = Field(None, ge=1)  # instead of epochs
    orient: bool = False  # rotate by quarters and mirror images at random


class AutoencoderNetwork(Settings):
    """Size of the KL autoencoder; it divides sides by 2^(levels - 1)."""

    width: int = Field(128, ge=4)  # channels at multiplier 1
    multipliers: tuple[int, ...] = Field((1, 2, 4), min_length=1)
    blocks: int = Field(2, ge=1)  # residual blocks a level; the decoder has one more
    latent_channels: int = Field(3, ge=1)
    middle_attention: bool = True  # no level has attention; the released layout has it in the middle
    groups: int = Field(32, ge=1)  # of group normalisation

    @property
    def factor(self) -> int:
        """Pixels a latent, along a side."""
        return int(2 ** (len(self.multipliers) - 1))


class PerceptualSettings(Settings):
    """Frozen features that reconstructions are compared on.

    `lpips`: LPIPS on VGG16 with its published weights, from the folder `weights`. `random-convnet`: seeded random
    filters, which need none. `auto` becomes the first where `weights` is given, else the second. The folder is no part
    of what is trained (the file's hash is checked), so that keys hold no path.
    """

    features: Literal["lpips", "random-convnet", "none"] = "random-convnet"
    weights: Path | None = Field(None, exclude=True)
    weight: float = Field(1.0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _resolve(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("features", "auto") != "auto":
            return values
        return {**values, "features": "random-convnet" if values.get("weights") is None else "lpips"}


class AutoencoderTraining(BatchSettings):
    """Reconstruction (L1 + perceptual), KL and, from a step on, a patch discriminator."""

    batch_size: int = Field(6, ge=1)
    epochs: float = Field(10, gt=0)
    accumulate: int = Field(2, ge=1)  # batches a step
    crop: int | None = Field(None, ge=8)  # side of the random squares that are trained on; None: whole images
    learning_rate: float = Field(4.5e-6, gt=0)
    betas: tuple[float, float] = (0.5, 0.9)
    decay: bool = False  # let the rate fall to 0 along a cosine, which short trainings need
    clip: float | None = Field(None, gt=0)  # largest norm of the autoencoder's gradient
    # how far principal colours are made to vary alike in what the network sees and in L1: 0 for RGB, 1 for wholly
    whitening: float = Field(0.0, ge=0, le=1)
    perceptual: PerceptualSettings = PerceptualSettings.model_validate({})
    kl_weight: float = Field(1e-6, ge=0)  # of the KL summed over latents, where errors are summed over pixels
    discriminator_start: int = Field(50001, ge=0)  # step
    discriminator_weight: float = Field(0.5, ge=0)
    # multiply that by the ratio of the gradients of both losses at the decoder's last layer (VQGAN, eq. 7)
    discriminator_adaptive: bool = True
    discriminator_width: int = Field(64, ge=1)
    discriminator_layers: int = Field(3, ge=1)
    ema: float | None = Field(None, ge=0, lt=1)


class AutoencoderPart(Settings):
    """All that an autoencoder's weights depend on, beside the data and the seed."""

    patch_size: int
    network: AutoencoderNetwork
    training: AutoencoderTraining


class ReleasedAutoencoderPart(Settings):
    """All that an autoencoder depends on that is read from a released checkpoint."""

    patch_size: int
    network: AutoencoderNetwork
    released_sha256: str
    scale: float | None


class UNetSettings(Settings):
    """Size of the denoiser of latents."""

    width: int = Field(192, ge=4)
    multipliers: tuple[int, ...] = Field((1, 2, 2, 4, 4), min_length=1)
    blocks: int = Field(2, ge=1)
    attention_factors: tuple[int, ...] = (1, 2, 4, 8)  # levels with attention, by how much smaller they are
    heads: int | None = Field(8, ge=1)  # at every level; None for heads of `head_channels`
    head_channels: int = Field(8, ge=1)
    groups: int = Field(32, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)
    # residual blocks scale and shift normalised features by the step (`use_scale_shift_norm`), else they add it before
    scale_shift: bool = True
    # what halves and doubles sides: residual blocks (`resblock_updown`), else one convolution
    resampling: Literal["residual", "convolution"] = "residual"


class LatentTraining(BatchSettings):
    """Training of a denoiser of latents."""

    batch_size: int = Field(4, ge=1)
    epochs: float = Field(10, gt=0)
    learning_rate: float = Field(5e-5, gt=0)
    weight_decay: float = Field(0.01, ge=0)  # AdamW's own, which the release leaves as it is
    warmup: int = Field(10000, ge=0)  # steps over which the rate rises linearly from `warmup_rate`
    warmup_rate: float = Field(1e-6, ge=0)
    decay: bool = False
    clip: float | None = Field(None, gt=0)
    ema: float = Field(0.9999, ge=0, lt=1)  # latent diffusion's default; the horizon follows the number of steps
    loss: Literal["mse", "l1"] = "mse"  # the paper's; the release's is l1
    compile: bool = False


class LatentProcess(DiffusionSettings):
    """The diffusion of latents of unit variance, with HistoDiffusion's schedule."""

    schedule: Literal["linear", "sqrt-linear"] = "sqrt-linear"
    beta_start: float = Field(0.0015, gt=0, lt=1)
    beta_end: float = Field(0.0155, gt=0, lt=1)
    learned_variance: bool = False
    sigma_data: float = Field(1.0, gt=0)


class LatentDiffusionPart(Settings):
    """All that a denoiser's weights depend on, beside the autoencoder, the data and the seed."""

    network: UNetSettings
    diffusion: LatentProcess
    training: LatentTraining


class ReleasedDiffusionPart(Settings):
    """All that a denoiser depends on that is read from a released checkpoint, beside the autoencoder."""

    network: UNetSettings
    diffusion: LatentProcess
    released_sha256: str


class ReleasedSettings(Settings):
    """A part that is read from a checkpoint of the original latent-diffusion code, where one is given, not trained.

    Keys and records hold the file's hash, not its path. A hash that is given is compared.
    """

    released: Path | None = Field(None, exclude=True)  # .safetensors, or .ckpt of tensors alone
    released_sha256: str | None = Field(None, validate_default=True)

    @property
    def file(self) -> Path:
        """The checkpoint, where one is given."""
        assert self.released is not None
        return self.released

    @field_validator("released")
    @classmethod
    def _is_there(cls, path: Path | None) -> Path | None:
        if path is not None and not path.expanduser().is_file():
            raise ValueError("give the path of a checkpoint that is there, .safetensors or .ckpt")
        return None if path is None else path.expanduser()

    @field_validator("released_sha256")
    @classmethod
    def _hash(cls, given: str | None, info: ValidationInfo) -> str | None:
        path = info.data.get("released")
        if path is None:
            if given is not None and "released" in info.data:
                raise ValueError("name the file of this hash as released")
            return given
        status = path.stat()
        found = _sha256(path, status.st_size, status.st_mtime_ns)
        if given not in (None, found):
            raise ValueError(f"get that file, or leave the hash out: {path} has {found}")
        return found


@lru_cache(maxsize=32)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    """Size and time are arguments so that a file that was written anew is read anew."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class EncoderSettings(Settings):
    """Size of an encoder-UNet with attention pooling (ADM's classifier)."""

    width: int = Field(128, ge=4)
    multipliers: tuple[int, ...] = Field((1, 1, 2, 2, 4, 4), min_length=1)
    blocks: int = Field(2, ge=1)
    attention_sizes: tuple[int, ...] = (32, 16)  # feature sizes with attention
    head_channels: int = Field(64, ge=1)
    groups: int = Field(32, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)
