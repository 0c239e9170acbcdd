"""Settings of autoencoders, latent denoisers and encoder-UNets; the defaults are HistoDiffusion's.

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
    """The number of images that a training uses: `epochs` of the data, unless `steps` is given."""

    batch_size: int = Field(ge=1)
    epochs: float = Field(gt=0)
    steps: int | None = Field(None, ge=1)  # instead of epochs
    orient: bool = False  # rotate images by quarters and mirror them at random


class AutoencoderNetwork(Settings):
    """Kind and size of the autoencoder, which divides sides by 2^(levels - 1).

    `kl` has latents with a posterior (AutoencoderKL). `vq` replaces each latent by the nearest of `codebook` vectors
    when it decodes, so that latents are those before quantisation, as in latent diffusion's VQModelInterface.
    """

    kind: Literal["kl", "vq"] = "kl"
    width: int = Field(128, ge=4)  # channels at multiplier 1
    multipliers: tuple[int, ...] = Field((1, 2, 4), min_length=1)
    blocks: int = Field(2, ge=1)  # residual blocks per level; the decoder has one more
    latent_channels: int = Field(3, ge=1)
    middle_attention: bool = True  # no level has attention, but the middle of the released layout has
    groups: int = Field(32, ge=1)  # groups of group normalisation
    codebook: int = Field(8192, ge=2)  # number of vectors of `vq`

    @property
    def factor(self) -> int:
        """Pixels per latent, along a side."""
        return int(2 ** (len(self.multipliers) - 1))


class PerceptualSettings(Settings):
    """Frozen features on which reconstructions are compared.

    `lpips` is LPIPS on VGG16 with its published weights, from the folder `weights`. `random-convnet` uses seeded random
    filters and needs no weights. `auto` is the first if `weights` is given, and otherwise the second. The folder does
    not affect what is trained (the hash of the file is checked), so keys contain no path.
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
    """Reconstruction (L1 + perceptual), KL or codebook, and, from a certain step, a patch discriminator."""

    batch_size: int = Field(6, ge=1)
    epochs: float = Field(10, gt=0)
    accumulate: int = Field(2, ge=1)  # batches per step
    crop: int | None = Field(None, ge=8)  # side of the random squares used for training; None: whole images
    learning_rate: float = Field(4.5e-6, gt=0)
    betas: tuple[float, float] = (0.5, 0.9)
    decay: bool = False  # decrease the rate to 0 along a cosine, which short trainings need
    clip: float | None = Field(None, gt=0)  # largest norm of the autoencoder's gradient
    # how equally principal colours vary in the network's input and in L1: 0 for RGB, 1 for completely equal
    whitening: float = Field(0.0, ge=0, le=1)
    perceptual: PerceptualSettings = PerceptualSettings.model_validate({})
    kl_weight: float = Field(1e-6, ge=0)  # weight of the KL summed over latents, with errors summed over pixels
    codebook_weight: float = Field(1.0, ge=0)  # weight of the distances of latents from their vectors, for `vq`
    discriminator_start: int = Field(50001, ge=0)  # first step of the discriminator
    discriminator_weight: float = Field(0.5, ge=0)
    # multiply this by the ratio of the gradients of both losses at the decoder's last layer (VQGAN, eq. 7)
    discriminator_adaptive: bool = True
    discriminator_width: int = Field(64, ge=1)
    discriminator_layers: int = Field(3, ge=1)
    ema: float | None = Field(None, ge=0, lt=1)


class AutoencoderPart(Settings):
    """All settings that an autoencoder's weights depend on, in addition to the data and the seed."""

    patch_size: int
    network: AutoencoderNetwork
    training: AutoencoderTraining


class ReleasedAutoencoderPart(Settings):
    """All settings that an autoencoder from a released checkpoint depends on."""

    patch_size: int
    network: AutoencoderNetwork
    released_sha256: str
    scale: float | None


class UNetSettings(Settings):
    """Size of the denoiser of latents."""

    width: int = Field(192, ge=4)
    multipliers: tuple[int, ...] = Field((1, 2, 2, 4, 4), min_length=1)
    blocks: int = Field(2, ge=1)
    attention_factors: tuple[int, ...] = (1, 2, 4, 8)  # levels with attention, given by their reduction
    heads: int | None = Field(8, ge=1)  # at every level; None means heads of `head_channels`
    head_channels: int = Field(8, ge=1)
    groups: int = Field(32, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)
    # residual blocks scale and shift normalised features by the step (`use_scale_shift_norm`), or else add it before
    scale_shift: bool = True
    # what halves and doubles sides: residual blocks (`resblock_updown`), or else one convolution
    resampling: Literal["residual", "convolution"] = "residual"


class LatentTraining(BatchSettings):
    """Training of a denoiser of latents."""

    batch_size: int = Field(4, ge=1)
    epochs: float = Field(10, gt=0)
    learning_rate: float = Field(5e-5, gt=0)
    weight_decay: float = Field(0.01, ge=0)  # AdamW's default, which the release does not change
    warmup: int = Field(10000, ge=0)  # steps in which the rate rises linearly from `warmup_rate`
    warmup_rate: float = Field(1e-6, ge=0)
    decay: bool = False
    clip: float | None = Field(None, gt=0)
    ema: float = Field(0.9999, ge=0, lt=1)  # default of latent diffusion; the horizon grows with the steps
    loss: Literal["mse", "l1"] = "mse"  # as in the paper; the release uses l1
    compile: bool = False


class LatentProcess(DiffusionSettings):
    """The diffusion of latents of unit variance, with HistoDiffusion's schedule."""

    schedule: Literal["linear", "sqrt-linear"] = "sqrt-linear"
    beta_start: float = Field(0.0015, gt=0, lt=1)
    beta_end: float = Field(0.0155, gt=0, lt=1)
    learned_variance: bool = False
    sigma_data: float = Field(1.0, gt=0)


class LatentDiffusionPart(Settings):
    """All settings that a denoiser's weights depend on, in addition to the autoencoder, the data and the seed."""

    network: UNetSettings
    diffusion: LatentProcess
    training: LatentTraining


class ReleasedDiffusionPart(Settings):
    """All settings that a denoiser from a released checkpoint depends on, in addition to the autoencoder."""

    network: UNetSettings
    diffusion: LatentProcess
    released_sha256: str


class EncoderSettings(Settings):
    """Size of an encoder-UNet with attention pooling (ADM's classifier); the defaults are those for latents of 64."""

    width: int = Field(128, ge=4)
    multipliers: tuple[int, ...] = Field((1, 1, 2, 2, 4, 4), min_length=1)
    blocks: int = Field(2, ge=1)
    # feature sizes with attention; the release writes "32,16" for images of 256, which are these sizes of latents of 64
    attention_sizes: tuple[int, ...] = (8, 4)
    head_channels: int = Field(64, ge=1)
    groups: int = Field(32, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)


class ReleasedClassifierPart(Settings):
    """All settings that a latent classifier from a released checkpoint depends on, in addition to the autoencoder."""

    network: EncoderSettings
    released_sha256: str


class ReleasedSettings(Settings):
    """A part that is not trained but read from a checkpoint of the original code, if one is given.

    Keys and records contain the hash of the file, not its path. A hash that is given is compared with the file.
    """

    released: Path | None = Field(None, exclude=True)  # .safetensors, or .ckpt or .pt with only tensors
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
            raise ValueError("give the path of an existing checkpoint, .safetensors, .ckpt or .pt")
        return None if path is None else path.expanduser()

    @field_validator("released_sha256")
    @classmethod
    def _hash(cls, given: str | None, info: ValidationInfo) -> str | None:
        path = info.data.get("released")
        if path is None:
            if given is not None and "released" in info.data:
                raise ValueError("give the path of the file with this hash in `released`")
            return given
        found = file_sha256(path)
        if given not in (None, found):
            raise ValueError(f"get the file with this hash, or leave the hash out: {path} has {found}")
        return found


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, which is read again only if its size or its time changed."""
    status = path.stat()
    return _sha256(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=32)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    """Return the hash of a file; size and time are arguments so that a file that changed is read again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class FirstStageSettings(ReleasedSettings):
    """An autoencoder that is trained, or read from a released checkpoint."""

    network: AutoencoderNetwork = AutoencoderNetwork()
    training: AutoencoderTraining = AutoencoderTraining()
    # scale of released latents, if the checkpoint does not contain it: `scale_factor` of its configuration
    scale: float | None = Field(None, gt=0)

    @field_validator("scale")
    @classmethod
    def _is_of_a_release(cls, scale: float | None, info: ValidationInfo) -> float | None:
        if scale is not None and info.data.get("released", "") is None:
            raise ValueError("leave scale out: it is measured on the latents of an autoencoder that is trained")
        return scale

    def check_crop(self, patch_size: int) -> None:
        """Raise ValueError if the squares of training do not fit into patches, or not onto the grid of latents."""
        crop, factor = self.training.crop, self.network.factor
        if crop is not None and (crop > patch_size or crop % factor):
            raise ValueError(f"autoencoder.training.crop {crop} must be a multiple of {factor} up to {patch_size}")

    def part(self, patch_size: int) -> AutoencoderPart | ReleasedAutoencoderPart:
        """Return the settings that the weights depend on, for patches of `patch_size` pixels."""
        if self.released_sha256 is None:
            return AutoencoderPart(patch_size=patch_size, network=self.network, training=self.training)
        return ReleasedAutoencoderPart(
            patch_size=patch_size, network=self.network, released_sha256=self.released_sha256, scale=self.scale
        )
