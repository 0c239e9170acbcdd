"""Settings of SONNET; the defaults are the published ones (Doan et al., JBHI 2022, and its TensorFlow release)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from bench.contract import Settings
from downstream.nuclei.settings import EncoderSettings, Phase

PATCH, OUTPUT = 270, 76
"""Sides of the published network's input and output."""


class LossSettings(Settings):
    """Weights of the four terms and their parameters.

    The release's table of terms lacks `ord`, so that its ordinal branch would never be trained; here it is trained.
    """

    np_ce: float = Field(default=1.0, ge=0)
    np_dice: float = Field(default=1.0, ge=0)
    ord: float = Field(default=1.0, ge=0)
    tp_focal: float = Field(default=1.0, ge=0)
    # weights of background and nuclei in `np_ce`
    balance: tuple[float, float] = (0.8, 1.2)
    gamma: float = Field(default=1.0, ge=0)  # of the focal loss
    # added to the weight 1 of pixels where the predicted ordinal map is 1 (outermost) and 2, in self-guided phases
    guidance: tuple[float, float] = (2.0, 1.0)


class SonnetSettings(EncoderSettings):
    """All settings that the trained weights and the predictions depend on."""

    network: Literal["efficientnet-b0", "small"] = "efficientnet-b0"
    patch: int = Field(default=PATCH, ge=16)  # side of the network's input during training
    width: int = Field(default=32, ge=4)  # `small` only: channels at half resolution
    # ImageNet weights of the encoder: timm's efficientnet_b0 or tf_efficientnet_b0 (.safetensors, .pth, .bin), or the
    # release's ImageNet_pretrained_EfficientB0.npz. None: random weights, and then the encoder is never frozen.
    encoder_weights: Path | None = None

    # opt/hyperconfig.py: 50 epochs with a frozen encoder (the rate drops after 25), 25 epochs of all layers, and 25
    # self-guided epochs at a tenth of the rate
    phases: tuple[Phase, ...] = (
        Phase(share=0.25, batch=8, freeze_encoder=True),
        Phase(share=0.25, batch=8, freeze_encoder=True, rate=0.1),
        Phase(share=0.25, batch=4),
        Phase(share=0.25, batch=4, rate=0.1, self_guided=True),
    )
    schedule: Literal["step", "constant", "cosine", "exponential"] = "constant"
    clip: float | None = Field(default=1.0, gt=0)
    loss: LossSettings = LossSettings()

    # The release keeps the checkpoint with the best Dice on its validation set. Here that set is the fold of a protocol
    # or, without one, a quarter of the training tiles: one of DiffMix's four folds.
    holdout: float = Field(default=0.25, ge=0, lt=1)
    selection: Literal["last", "best"] = "best"

    threshold: float = Field(default=0.5, gt=0, lt=1)  # post_sonnet.py: nucleus if the probability reaches this
    core: int = Field(default=5, ge=1, le=8)  # post_sonnet.py, process.py: least ordinal label of a nucleus's core
    step: int = Field(default=40, ge=4, le=OUTPUT)  # infer.py: side of the middle of the output that is kept
    window: int = Field(default=1024, ge=64)  # `small` only: side of the largest part of a tile predicted at a time

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.network == "efficientnet-b0" and self.patch != PATCH:
            raise ValueError(f"set patch to {PATCH} for the network efficientnet-b0; it is {self.patch}")
        return self
