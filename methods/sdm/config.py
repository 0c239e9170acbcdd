"""Settings of the semantic diffusion model; defaults as DiffMix trained it (scripts_train/consep_multi.sh)."""

from __future__ import annotations

from pydantic import Field, model_validator

from bench.contract import Settings
from methods.diffusion.config import DiffusionSettings, SamplerSettings
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


class SDMConfig(PatchSettings):
    """Settings of SDM as a method."""

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
        return self

    @property
    def part(self) -> SDMPart:
        """The settings that weights depend on; equal for all methods that share them."""
        return SDMPart(
            patch_size=self.patch_size, network=self.network, diffusion=self.diffusion, training=self.training
        )
