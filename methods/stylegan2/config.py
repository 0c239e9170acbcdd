"""Settings of StyleGAN2; the defaults are those of HistoDiffusion's baseline and of the released profile for its batch.

HistoDiffusion's supplement (table 2) states only batch 64, 100 epochs and Adam at 2e-4. All other values come from the
released profiles (NVlabs/stylegan2-ada-pytorch, train.py), of which `paper256` is the one with batch 64:

| profile     | batch | R1 gamma           | learning rate         | half-life of the average | ramp | mapping |
|-------------|-------|--------------------|-----------------------|--------------------------|------|---------|
| `paper256`  | 64    | 1                  | .0025                 | 20 kimg                  | none | 8       |
| `stylegan2` | 32    | 10                 | .002                  | 10 kimg                  | none | 8       |
| `auto`      | <= 64 | .0002 px^2 / batch | .0025 (.002: 1024 px) | batch x 10/32 kimg       | .05  | 2       |

All three use z and w of 512, at most 512 channels, Adam's betas (0, .99), R1 every 16 steps and path lengths every 4.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from bench.contract import Settings
from methods.selection import SelectiveSettings


class NetworkSettings(Settings):
    """Size of generator and discriminator."""

    latent: int = Field(512, ge=1)  # dimensions of z, w and the label embedding
    mapping_layers: int = Field(8, ge=1)
    # channels at size s: min(channel_max, channel_base / s); half of 32768 below 512 px
    channel_base: int = Field(16384, ge=1)
    channel_max: int = Field(512, ge=1)
    # number of images over which the discriminator's statistic is computed (paper256; `auto` uses 4)
    statistic_group: int = Field(8, ge=1)

    def channels(self, size: int) -> int:
        """Return the channels of feature maps of `size` pixels."""
        return max(1, min(self.channel_max, self.channel_base // size))


class AugmentSettings(Settings):
    """Adaptive discriminator augmentation (Karras et al. 2020, ADA); off, as HistoDiffusion does not mention it."""

    enabled: bool = False
    target: float = Field(0.6, ge=-1, le=1)  # target of the mean sign of the discriminator on real images
    speed: float = Field(500, gt=0)  # thousands of images in which the probability can rise from 0 to 1
    every: int = Field(4, ge=1)  # steps between adjustments


class TrainingSettings(Settings):
    """Losses, optimisers and averages."""

    batch_size: int = Field(64, ge=1)  # HistoDiffusion, supplement, table 2
    epochs: float = Field(100, gt=0)  # from the same table; epochs of the labelled training images
    steps: int | None = Field(None, ge=1)  # instead of epochs
    learning_rate: float = Field(2e-4, gt=0)  # from the same table; the releases use .0025, 12 times as much
    betas: tuple[float, float] = (0.0, 0.99)
    # random changes of real images: mirrored left to right as with the release's --mirror; `all` also turns them
    symmetries: Literal["none", "flip", "all"] = "none"
    r1_weight: float = Field(1.0, ge=0)  # gamma
    r1_every: int = Field(16, ge=1)
    path_weight: float = Field(2.0, ge=0)
    path_every: int = Field(4, ge=1)
    path_decay: float = Field(0.01, gt=0, le=1)
    path_batch: float = Field(0.5, gt=0, le=1)  # share of the batch that path lengths are measured on
    style_mixing: float = Field(0.9, ge=0, le=1)  # probability
    ema_half_life: float = Field(20, gt=0)  # in thousands of images
    ema_ramp: float | None = Field(None, gt=0)  # largest half-life as a share of the images seen so far
    augment: AugmentSettings = AugmentSettings()


class StyleGAN2Part(Settings):
    """All settings that the weights depend on, in addition to the data and the seed."""

    patch_size: int
    network: NetworkSettings
    training: TrainingSettings


class StyleGAN2Config(SelectiveSettings):
    """Settings of StyleGAN2 as a method."""

    patch_size: int = Field(256, ge=8)  # pixels, a power of two
    network: NetworkSettings = NetworkSettings()
    training: TrainingSettings = TrainingSettings()
    truncation: float = Field(1.0, ge=0, le=1)  # psi: 1 keeps w, 0 gives the mean w of the class
    render_batch: int = Field(32, ge=1)

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        if self.patch_size & (self.patch_size - 1):
            raise ValueError(f"patch_size {self.patch_size} must be a power of two, as the networks halve it to 4")
        batch, group = self.training.batch_size, self.network.statistic_group
        if batch % min(batch, group):
            raise ValueError(f"training.batch_size {batch} must be a multiple of network.statistic_group {group}")
        return self

    @property
    def part(self) -> StyleGAN2Part:
        """The settings that the weights depend on."""
        return StyleGAN2Part(patch_size=self.patch_size, network=self.network, training=self.training)
