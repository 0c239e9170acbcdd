"""Settings of the text-conditional denoiser of latents and of its control branch; the defaults are PathDiff's.

Sources: bhosalems/PathDiff and cvlab-stonybrook/PathLDM, configs/latent-diffusion/; PathDiff, section 4.2. Nothing here
needs torch.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bench.contract import Settings
from methods.latent.config import LatentProcess, LatentTraining


class TextUNetSettings(Settings):
    """Size of the denoiser that attends to captions (diffusers' UNet2DConditionModel)."""

    width: int = Field(192, ge=4)
    multipliers: tuple[int, ...] = Field((1, 2, 3, 5), min_length=1)
    blocks: int = Field(2, ge=1)
    attention_factors: tuple[int, ...] = (2, 4, 8)  # levels that attend to captions, given by their reduction
    heads: int = Field(1, ge=1)
    groups: int = Field(32, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)


class TextTraining(LatentTraining):
    """Training of the text-conditional denoiser (stage A)."""

    batch_size: int = Field(64, ge=1)
    epochs: float = Field(60, gt=0)
    learning_rate: float = Field(2.5e-5, gt=0)
    warmup: int = Field(1000, ge=0)
    ema: float = Field(0.0, ge=0, lt=1)  # 0: the last weights, as in the release
    p_uncond: float = Field(0.1, ge=0, le=1)  # share of images that are trained without their caption


class ControlSettings(Settings):
    """Size of the control branch, a copy of the denoiser's encoder and middle with an encoder of hints before it.

    The hint encoder halves the sides where its channels change, as often as the autoencoder does. The release has one
    more width than that (256), whose convolution keeps the sides.
    """

    hint_channels: tuple[int, ...] = Field((16, 32, 96, 256), min_length=1)
    hint_scale: float = Field(1.0, gt=0)  # factor of hints, 0..255; the release uses them as they are
    edges: bool = True  # three more channels of the hint are white on the edges of instances


class ControlTraining(LatentTraining):
    """Training of the control branch on the frozen denoiser."""

    batch_size: int = Field(72, ge=1)  # paper, section 4.2; the released configuration says 16
    epochs: float = Field(60, gt=0)
    learning_rate: float = Field(3.75e-5, gt=0)
    warmup: int = Field(1000, ge=0)
    ema: float = Field(0.0, ge=0, lt=1)
    p_uncond: float = Field(0.1, ge=0, le=1)  # share of items whose only condition is dropped


class TextProcess(LatentProcess):
    """The diffusion of latents, with PathLDM's schedule."""

    beta_start: float = Field(0.0015, gt=0, lt=1)
    beta_end: float = Field(0.0195, gt=0, lt=1)
    prediction: Literal["epsilon", "v"] = "epsilon"  # what diffusers' schedulers can represent too


class TextDiffusionPart(Settings):
    """All settings that the denoiser's weights depend on, in addition to the data, the seed and the parts it needs."""

    patch_size: int
    network: TextUNetSettings
    diffusion: TextProcess
    training: TextTraining
    chunks: int
    tower: str | None  # hash of published weights of the text tower; None for one that the run trains


class ReleasedTextDiffusionPart(Settings):
    """All settings that a denoiser from a released checkpoint depends on."""

    patch_size: int
    network: TextUNetSettings
    diffusion: TextProcess
    chunks: int
    released_sha256: str


class ControlPart(Settings):
    """All settings that the control branch's weights depend on.

    `p_split` is the share of items with a caption and no mask, 0 for ControlNet. `caption` is the text of items with a
    mask. `diffusion` is None unless the branch is trained on another schedule than the denoiser (`repo_compat`).
    """

    patch_size: int
    network: ControlSettings
    training: ControlTraining
    p_split: float
    caption: str
    text_dropout: float
    diffusion: TextProcess | None
    colours: dict[str, tuple[int, int, int]]


class ReleasedControlPart(Settings):
    """All settings that a control branch from a released checkpoint depends on."""

    patch_size: int
    network: ControlSettings
    diffusion: TextProcess | None
    colours: dict[str, tuple[int, int, int]]
    released_sha256: str
