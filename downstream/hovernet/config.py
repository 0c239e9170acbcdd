"""Settings of HoVer-Net; the defaults are the published ones (Graham et al., MedIA 2019, and its PyTorch release)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from bench.contract import Settings
from downstream.nuclei.settings import EncoderSettings, Phase

PATCHES = {"fast": 256, "original": 270}


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


class HoVerNetConfig(EncoderSettings):
    """All settings that the trained weights and the predictions depend on."""

    # DiffMix's patches are 256 px. Fast mode takes them unchanged (256 -> 164); original mode (270 -> 80) pads them.
    network: Literal["fast", "original", "small"] = "fast"
    patch: int = Field(default=256, ge=16)  # side of the network's input during training
    width: int = Field(default=32, ge=4)  # `small` only: channels at half resolution
    encoder_weights: Path | None = None  # the release's ImageNet-ResNet50-Preact_pytorch.tar

    # opt.py of the release: 50 epochs with a frozen encoder, then 50 epochs of all layers.
    phases: tuple[Phase, ...] = (Phase(share=0.5, batch=16, freeze_encoder=True), Phase(share=0.5, batch=4))
    loss: LossWeights = LossWeights()

    # The release keeps the checkpoint with the best Dice on its validation set, which for CoNSeP is the test set. Here
    # it is the fold of a protocol or, without one, a fifth of the training tiles: one of DiffMix's five folds.
    holdout: float = Field(default=0.2, ge=0, lt=1)
    selection: Literal["last", "best"] = "best"

    threshold: float = Field(default=0.5, gt=0, lt=1)  # post_proc.py: nucleus if the probability reaches this
    edge: float = Field(default=0.4, gt=0, lt=1)  # post_proc.py: gradient from which a pixel is between nuclei
    window: int = Field(default=1024, ge=64)  # `small` only: side of the largest part of a tile predicted at a time

    @model_validator(mode="after")
    def _fits(self) -> Self:
        fixed = PATCHES.get(self.network)
        if fixed is not None and self.patch != fixed:
            raise ValueError(f"set patch to {fixed} for the network {self.network}; it is {self.patch}")
        return self
