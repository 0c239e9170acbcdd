"""Settings of the semantic diffusion model; defaults as DiffMix trained it (scripts_train/consep_multi.sh)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from bench.contract import Settings
from methods.diffusion.config import DiffusionSettings, SamplerSettings
from methods.latent.config import ReleasedSettings
from methods.patches import PatchSettings


class NetworkSettings(Settings):
    """Size of the UNet; the defaults are those for 256 px (SDM's script_util.py)."""

    width: int = Field(256, ge=4)  # channels at multiplier 1
    multipliers: tuple[float, ...] = (1, 1, 2, 2, 4, 4)  # one per level; each level halves the size
    blocks: int = Field(2, ge=1)  # residual blocks per level; the decoder has one more
    attention: tuple[int, ...] = (32, 16, 8)  # feature sizes with self-attention
    head_channels: int = Field(64, ge=1)  # channels per attention head
    label_channels: int = Field(128, ge=1)  # hidden channels of each label-conditioning branch
    groups: int = Field(32, ge=1)  # groups of group normalisation
    dropout: float = Field(0.0, ge=0, lt=1)


class TrainingSettings(Settings):
    """Two stages: first without and then with condition dropout, which classifier-free guidance needs."""

    steps: int = Field(10000, ge=1)  # the released sampling scripts use step 10000; the paper states epochs
    batch_size: int = Field(16, ge=1)
    # share of the steps before the second stage: CoNSeP's second stage was resumed from step 5900
    first_stage: float = Field(0.59, ge=0, le=1)
    learning_rates: tuple[float, float] = (1e-4, 2e-5)  # in the two stages
    condition_dropout: tuple[float, float] = (0.0, 0.2)  # in the two stages; a dropped condition is all zero
    warmup: int = Field(0, ge=0)  # steps in which the learning rate rises from 0
    decay: bool = False  # decrease the rate to 0 along a cosine, which short trainings need
    weight_decay: float = Field(0.0, ge=0)
    clip: float | None = Field(None, gt=0)  # largest norm of the gradient
    ema: float = Field(0.9999, ge=0, lt=1)  # upper limit of the decay; the horizon grows with the steps
    recompute: bool = True  # drop activations and recompute them, as in the release (use_checkpoint True)
    compile: bool = False


class SDMPart(Settings):
    """All settings that the weights depend on, in addition to the data and the seed."""

    patch_size: int
    network: NetworkSettings
    diffusion: DiffusionSettings
    training: TrainingSettings


ReleasedWeights = Literal["average", "last"]


class ReleasedSDMPart(Settings):
    """All settings that a network from a released checkpoint depends on, and which of its weights are used."""

    patch_size: int
    network: NetworkSettings
    diffusion: DiffusionSettings
    released_sha256: str
    released_weights: ReleasedWeights


class SDMConfig(PatchSettings, ReleasedSettings):
    """Settings of SDM as a method."""

    # which weights a checkpoint that holds both gives; the original code saves them in two files, `ema_0.9999_N.pt`
    # and `modelN.pt`
    released_weights: ReleasedWeights = "average"
    released_classes: tuple[str, ...] | None = None  # names of the checkpoint's classes in its order, no background

    network: NetworkSettings = NetworkSettings()
    diffusion: DiffusionSettings = DiffusionSettings()
    training: TrainingSettings = TrainingSettings()
    sampler: SamplerSettings = SamplerSettings()
    # convention of the released code, n + s (c - n): 1 means no guidance; the scale of the paper is less by one
    guidance_scale: float = Field(1.5, ge=0)

    @model_validator(mode="after")
    def _patch_fits_levels(self) -> SDMConfig:
        factor = 2 ** (len(self.network.multipliers) - 1)
        if self.patch_size % factor:
            raise ValueError(f"patch_size {self.patch_size} must be a multiple of {factor}, as the network halves it")
        if self.released is None and self.released_classes is not None:
            raise ValueError("leave released_classes out: they describe a file in `released`")
        if self.released is not None and self.diffusion.prediction == "edm":
            raise ValueError("set diffusion.prediction to epsilon: released networks predict the noise")
        return self

    @property
    def part(self) -> SDMPart | ReleasedSDMPart:
        """The settings that weights depend on; equal for all methods that share them."""
        if self.released_sha256 is not None:
            return ReleasedSDMPart(
                patch_size=self.patch_size,
                network=self.network,
                diffusion=self.diffusion,
                released_sha256=self.released_sha256,
                released_weights=self.released_weights,
            )
        return SDMPart(
            patch_size=self.patch_size, network=self.network, diffusion=self.diffusion, training=self.training
        )
