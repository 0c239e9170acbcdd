"""Settings of HoVer-Net; the defaults are the published ones (Graham et al., MedIA 2019, and its PyTorch release)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_serializer, model_validator

from bench.contract import Settings
from downstream.augment import Augmentation
from downstream.weights import identity

PATCHES = {"monai-fast": 256, "monai-original": 270}


class Phase(Settings):
    """A stretch of training.

    `share` is its part of the epochs; under a budget of steps its part of the patches, so that a phase of smaller
    batches takes more steps.
    """

    share: float = Field(gt=0, le=1)
    batch: int = Field(gt=0)
    freeze_encoder: bool = False


class LossWeights(Settings):
    """Weights of the six terms, and the direction of the gradient term.

    The release weights all by 1; the paper (and its TensorFlow code) `hv_msge` by 2. With `msge_indexing` `xy` each map
    is differentiated along its own axis, as the paper says; with `ij` along the other, as the PyTorch release does.
    """

    np_ce: float = Field(default=1.0, ge=0)
    np_dice: float = Field(default=1.0, ge=0)
    hv_mse: float = Field(default=1.0, ge=0)
    hv_msge: float = Field(default=1.0, ge=0)
    tp_ce: float = Field(default=1.0, ge=0)
    tp_dice: float = Field(default=1.0, ge=0)
    msge_indexing: Literal["xy", "ij"] = "xy"


class HoVerNetConfig(Settings):
    """All that the trained weights and the predictions depend on."""

    # DiffMix's patches are 256 px: fast mode takes them as they are (256 -> 164), original mode 270 -> 80 pads them.
    network: Literal["monai-fast", "monai-original", "small"] = "monai-fast"
    patch: int = Field(default=256, ge=16)  # side of the network's input while training
    width: int = Field(default=32, ge=4)  # `small` only: channels at half resolution
    encoder_weights: Path | None = None  # the release's ImageNet-ResNet50-Preact_pytorch.tar; absent: random
    # All layers, from `weights.safetensors` of a network that was trained with the same network, width and classes.
    # Keys hold the hash of this file and of encoder_weights, not where they lie.
    pretrained: Path | None = None

    # opt.py of the release: 50 epochs with the encoder frozen, 50 of all layers.
    phases: tuple[Phase, ...] = (Phase(share=0.5, batch=16, freeze_encoder=True), Phase(share=0.5, batch=4))
    optimizer: Literal["adam", "adamw"] = "adam"
    learning_rate: float = Field(default=1e-4, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    schedule: Literal["step", "cosine"] = "step"  # x 0.1 half-way through each phase; or one warm-up and cosine
    ema: float | None = Field(default=None, gt=0, lt=1)
    clip: float | None = Field(default=None, gt=0)
    loss: LossWeights = LossWeights()
    augmentation: Augmentation = Augmentation()

    threshold: float = Field(default=0.5, gt=0, lt=1)  # post_proc.py: nucleus where its probability reaches this
    edge: float = Field(default=0.4, gt=0, lt=1)  # post_proc.py: gradient from which a pixel lies between nuclei
    window: int = Field(default=1024, ge=64)  # `small` only: largest piece of a tile predicted at once
    window_batch: int = Field(default=16, gt=0)  # MONAI's networks: windows predicted at once

    @field_serializer("encoder_weights", "pretrained")
    def _identify(self, path: Path | None) -> str | None:
        return identity(path)

    @model_validator(mode="after")
    def _fits(self) -> HoVerNetConfig:
        fixed = PATCHES.get(self.network)
        if fixed is not None and self.patch != fixed:
            raise ValueError(f"expected patch {fixed} for {self.network}, got {self.patch}")
        if self.network == "small" and self.patch % 16:
            raise ValueError(f"expected a patch divisible by 16 for small, got {self.patch}")
        if self.network == "small" and self.encoder_weights is not None:
            raise ValueError("expected encoder_weights with a MONAI network only")
        if self.pretrained is not None and self.encoder_weights is not None:
            raise ValueError("expected either pretrained, which holds the encoder too, or encoder_weights")
        if abs(sum(phase.share for phase in self.phases) - 1) > 1e-6:
            raise ValueError(f"expected shares of phases that sum to 1, got {[p.share for p in self.phases]}")
        return self
