"""Settings of the semantic diffusion model; defaults as DiffMix trained it (scripts_train/consep_multi.sh)."""

from __future__ import annotations

from pydantic import Field, model_validator

from bench.contract import Settings
from methods.diffusion.config import DiffusionSettings, SamplerSettings
from methods.patches import PatchSettings


class NetworkSettings(Settings):
    """Size of the UNet; defaults are those of 256 px (SDM's script_util.py)."""

    width: int = Field(256, ge=4)  # channels at multiplier 1
    multipliers: tuple[float, ...] = (1, 1, 2, 2, 4, 4)  # one a level; each level halves the size
    blocks: int = Field(2, ge=1)  # residual blocks a level; the decoder has one more
    attention: tuple[int, ...] = (32, 16, 8)  # feature sizes with self-attention
    head_channels: int = Field(64, ge=1)  # channels an attention head
    label_channels: int = Field(128, ge=1)  # hidden channels of each label-conditioning branch
    groups: int = Field(32, ge=1)  # of group normalisation
    dropout: float = Field(0.0, ge=0, lt=1)


class TrainingSettings(Settings):
    """Two stages: without, then with condition dropout, which classifier-free guidance needs."""

    steps: int = Field(10000, ge=1)  # the released sampling scripts use step 10000; the paper says epochs
    batch_size: int = Field(16, ge=1)
    # share of the steps before the second stage: CoNSeP's was resumed from step 5900
    first_stage: float = Field(0.59, ge=0, le=1)
    learning_rates: tuple[float, float] = (1e-4, 2e-5)  # of the two stages
    condition_dropout: tuple[float, float] = (0.0, 0.2)  # likewise; a dropped condition is all zero
    warmup: int = Field(0, ge=0)  # steps over which the learning rate rises from 0
    decay: bool = False  # let the rate fall to 0 along a cosine, which short trainings need
    weight_decay: float = Field(0.0, ge=0)
    clip: float | None = Field(None, gt=0)  # largest norm of the gradient
    ema: float = Field(0.9999, ge=0, lt=1)  # limit of the decay; its horizon follows the number of steps
    recompute: bool = True  # drop activations and compute them again, as released (use_checkpoint True)
    compile: bool = False


class SDMPart(Settings):
    """All that the weights depend on, beside the data and the seed."""

    patch_size: int
    network: NetworkSettings
    diffusion: DiffusionSettings
    training: TrainingSettings


class SDMConfig(PatchSettings):
    """SDM as a method."""

    network: NetworkSettings = NetworkSettings()
    diffusion: DiffusionSettings = DiffusionSettings()
    training: TrainingSettings = TrainingSettings()
    sampler: SamplerSettings = SamplerSettings()
    # convention of the released code, n + s (c - n): 1 is no guidance; the paper's scale is one less (spec trap T2)
    guidance_scale: float = Field(1.5, ge=0)

    @model_validator(mode="after")
    def _patch_fits_levels(self) -> SDMConfig:
        factor = 2 ** (len(self.network.multipliers) - 1)
        if self.patch_size % factor:
            raise ValueError(f"patch_size {self.patch_size} must be a multiple of {factor}: the network halves it")
        return self

    @property
    def part(self) -> SDMPart:
        """The settings that weights depend on; equal for every method that shares them."""
        return SDMPart(
            patch_size=self.patch_size, network=self.network, diffusion=self.diffusion, training=self.training
        )
