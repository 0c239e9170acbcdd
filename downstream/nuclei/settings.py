"""Settings that all nucleus networks share; importing this module loads no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_serializer, model_validator

from bench.contract import Settings
from downstream.augment import Augmentation
from downstream.weights import identity


class Phase(Settings):
    """One phase of training.

    `share` is its share of the epochs. Under a budget of steps it is its share of the patches, so a phase with smaller
    batches takes more steps. `rate` multiplies the learning rate; `self_guided` is SONNET's third phase.
    """

    share: float = Field(gt=0, le=1)
    batch: int = Field(gt=0)
    freeze_encoder: bool = False
    rate: float = Field(default=1.0, gt=0)
    self_guided: bool = False


class NucleusSettings(Settings):
    """How a nucleus network is trained; each network has its own defaults."""

    phases: tuple[Phase, ...]
    optimizer: Literal["adam", "adamw"] = "adam"
    betas: tuple[float, float] = (0.9, 0.999)
    learning_rate: float = Field(default=1e-4, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    # `step`: x 0.1 halfway through each phase; `cosine`: a single warm-up and half a cosine; `exponential`: x `decay`
    # after every epoch of the real-only arm
    schedule: Literal["step", "constant", "cosine", "exponential"] = "step"
    decay: float = Field(default=1.0, gt=0, le=1)
    ema: float | None = Field(default=None, gt=0, lt=1)
    clip: float | None = Field(default=None, gt=0)
    augmentation: Augmentation = Augmentation()
    # Share of the real training tiles that is held out, in whole groups, and whether the checkpoint is the one with the
    # best Dice of nucleus pixels on them or the last. A protocol's own validation tiles are used instead if it has any.
    holdout: float = Field(default=0.0, ge=0, lt=1)
    selection: Literal["last", "best"] = "last"
    evaluations: int = Field(default=50, gt=0)  # at most: one per epoch of the real-only arm
    window_batch: int = Field(default=16, gt=0)  # windows of a tile predicted at a time
    # Weights that training starts from, and a released network that is used instead of training. Keys hold the hashes
    # of the files, not their paths.
    pretrained: Path | None = None
    released: Path | None = None

    @field_serializer("pretrained", "released", check_fields=False)
    def _identify(self, path: Path | None) -> str | None:
        return identity(path)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if abs(sum(phase.share for phase in self.phases) - 1) > 1e-6:
            raise ValueError(f"the shares of the phases must sum to 1; they are {[p.share for p in self.phases]}")
        if self.released is not None and self.pretrained is not None:
            raise ValueError("released and pretrained exclude each other, because a released network is not trained")
        return self


class EncoderSettings(NucleusSettings):
    """Settings of a network that is a published one, whose encoder may start from weights, or `small`."""

    network: str
    patch: int = Field(ge=16)  # side of the network's input during training
    # Weights of the encoder; None: random ones, which are never frozen. `pretrained` are weights of all layers, from
    # `weights.safetensors` of a network that was trained with the same network, width and classes.
    encoder_weights: Path | None = None

    @field_serializer("encoder_weights")
    def _identify_encoder(self, path: Path | None) -> str | None:
        return identity(path)

    @model_validator(mode="after")
    def _fits_the_encoder(self) -> Self:
        if self.network == "small" and self.patch % 16:
            raise ValueError(f"set patch to a multiple of 16 for the network small; it is {self.patch}")
        for key in ("encoder_weights", "released"):
            if self.network == "small" and getattr(self, key) is not None:
                raise ValueError(f"{key} can be set only with a published network, not with small")
        if self.pretrained is not None and self.encoder_weights is not None:
            raise ValueError(
                "pretrained and encoder_weights exclude each other, because pretrained holds the encoder too"
            )
        return self
