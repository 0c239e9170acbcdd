"""Settings of HoVer-Net; the defaults are the published ones (Graham et al., MedIA 2019, and its PyTorch release)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_serializer, model_validator

from bench.contract import Settings
from downstream.augment import Augmentation
from downstream.weights import identity

PATCHES = {"fast": 256, "original": 270}


class Phase(Settings):
    """One phase of training.

    `share` is its share of the epochs. Under a budget of steps it is its share of the patches, so a phase with smaller
    batches takes more steps.
    """

    share: float = Field(gt=0, le=1)
    batch: int = Field(gt=0)
    freeze_encoder: bool = False


class LossWeights(Settings):
    """Weights of the six terms, and the direction of the gradient term.

    The release uses 1 for all weights; the paper (and its TensorFlow code) uses 2 for `hv_msge`. With `msge_indexing`
    `xy`, each map is differentiated along its own axis, as the paper says; with `ij`, along the other axis, as the
    PyTorch release does.
    """

    np_ce: float = Field(default=1.0, ge=0)
    np_dice: float = Field(default=1.0, ge=0)
    hv_mse: float = Field(default=1.0, ge=0)
    hv_msge: float = Field(default=1.0, ge=0)
    tp_ce: float = Field(default=1.0, ge=0)
    tp_dice: float = Field(default=1.0, ge=0)
    msge_indexing: Literal["xy", "ij"] = "xy"


class HoVerNetConfig(Settings):
    """All settings that the trained weights and the predictions depend on."""

    # DiffMix's patches are 256 px. Fast mode takes them unchanged (256 -> 164); original mode (270 -> 80) pads them.
    network: Literal["fast", "original", "small"] = "fast"
    patch: int = Field(default=256, ge=16)  # side of the network's input during training
    width: int = Field(default=32, ge=4)  # `small` only: channels at half resolution
    encoder_weights: Path | None = None  # the release's ImageNet-ResNet50-Preact_pytorch.tar; None: random weights
    # All layers, from `weights.safetensors` of a network that was trained with the same network, width and classes.
    # Keys hold the hash of this file and of encoder_weights, not their paths.
    pretrained: Path | None = None

    # opt.py of the release: 50 epochs with a frozen encoder, then 50 epochs of all layers.
    phases: tuple[Phase, ...] = (Phase(share=0.5, batch=16, freeze_encoder=True), Phase(share=0.5, batch=4))
    optimizer: Literal["adam", "adamw"] = "adam"
    learning_rate: float = Field(default=1e-4, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    schedule: Literal["step", "cosine"] = "step"  # x 0.1 halfway through each phase; or a single warm-up and cosine
    ema: float | None = Field(default=None, gt=0, lt=1)
    clip: float | None = Field(default=None, gt=0)
    loss: LossWeights = LossWeights()
    augmentation: Augmentation = Augmentation()

    threshold: float = Field(default=0.5, gt=0, lt=1)  # post_proc.py: nucleus if the probability reaches this
    edge: float = Field(default=0.4, gt=0, lt=1)  # post_proc.py: gradient from which a pixel is between nuclei
    window: int = Field(default=1024, ge=64)  # `small` only: side of the largest part of a tile predicted at a time
    window_batch: int = Field(default=16, gt=0)  # `fast` and `original` only: windows predicted at a time

    @field_serializer("encoder_weights", "pretrained")
    def _identify(self, path: Path | None) -> str | None:
        return identity(path)

    @model_validator(mode="after")
    def _fits(self) -> HoVerNetConfig:
        fixed = PATCHES.get(self.network)
        if fixed is not None and self.patch != fixed:
            raise ValueError(f"set patch to {fixed} for the network {self.network}; it is {self.patch}")
        if self.network == "small" and self.patch % 16:
            raise ValueError(f"set patch to a multiple of 16 for the network small; it is {self.patch}")
        if self.network == "small" and self.encoder_weights is not None:
            raise ValueError("encoder_weights can be set only with the network fast or original, not with small")
        if self.pretrained is not None and self.encoder_weights is not None:
            raise ValueError(
                "pretrained and encoder_weights exclude each other, because pretrained holds the encoder too"
            )
        if abs(sum(phase.share for phase in self.phases) - 1) > 1e-6:
            raise ValueError(f"the shares of the phases must sum to 1; they are {[p.share for p in self.phases]}")
        return self
