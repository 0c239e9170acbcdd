"""Settings of CellViT; the defaults are those of CellViT-SAM-B (Hörst et al., MedIA 94:103143, 2024) in its release."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from bench.contract import Settings
from downstream.augment import Augmentation
from downstream.augment_extra import ExtraAugmentation
from downstream.nuclei.settings import EncoderSettings, Phase

OFF = Augmentation(affine=False, blur=False, hue=0, saturation=0, brightness=0, contrast=(1, 1))
"""HoVer-Net's augmentation switched off; turns and flips remain."""

RELEASED = ExtraAugmentation(
    downscale=0.15, blur=0.2, noise=0.25, jitter=0.2, superpixels=0.1, zoom_blur=0.1, crop=0.1, elastic=0.2
)
"""The release's augmentation (configuration of the PanNuke folds)."""


class LossWeights(Settings):
    """Weights of the terms, and where the release has a choice of how they are computed.

    `msge_indexing` is that of HoVer-Net: `xy` differentiates each offset map along its own axis, `ij`, as in the
    release, along the other one. With `tversky_softmax` `once`, the focal Tversky terms see probabilities; with
    `twice`, as in the release, probabilities that pass a soft-max again, which makes all of them nearly equal.
    """

    np_tversky: float = Field(default=1.0, ge=0)
    np_dice: float = Field(default=1.0, ge=0)
    hv_mse: float = Field(default=2.5, ge=0)
    hv_msge: float = Field(default=8.0, ge=0)
    tp_ce: float = Field(default=0.5, ge=0)
    tp_dice: float = Field(default=0.2, ge=0)
    tp_tversky: float = Field(default=0.5, ge=0)
    tissue_ce: float = Field(default=0.1, ge=0)  # 0 where the dataset does not say which tissues its tiles show
    msge_indexing: Literal["xy", "ij"] = "xy"
    tversky_softmax: Literal["once", "twice"] = "once"


class CellViTConfig(EncoderSettings):
    """All settings that the trained weights and the predictions depend on."""

    network: Literal["sam-b", "small"] = "sam-b"
    patch: int = Field(default=256, ge=16)  # side of the network's input during training
    width: int = Field(default=32, ge=8)  # `small` only: channels at half resolution
    depth: int = Field(default=4, ge=1)  # `small` only: transformer blocks
    # SAM's encoder: its own file, CellViT's copy of it or timm's; None: random weights, which are never frozen.
    encoder_weights: Path | None = None

    # 130 epochs, the encoder frozen for the first 25 (the release; PathDiff freezes it for 30 and uses a rate of 1e-3).
    # The release's settings for dropped attention and paths have no effect on its SAM encoder, which has none.
    phases: tuple[Phase, ...] = (Phase(share=25 / 130, batch=16, freeze_encoder=True), Phase(share=105 / 130, batch=16))
    optimizer: Literal["adam", "adamw"] = "adamw"
    betas: tuple[float, float] = (0.85, 0.95)
    learning_rate: float = Field(default=3e-4, gt=0)
    weight_decay: float = Field(default=1e-4, ge=0)
    schedule: Literal["step", "constant", "cosine", "exponential"] = "exponential"
    decay: float = Field(default=0.85, gt=0, le=1)
    loss: LossWeights = LossWeights()
    augmentation: Augmentation = OFF
    extra: ExtraAugmentation = RELEASED
    # How often tiles are drawn: by the rarity of the classes that they contain, of their tissue, or both.
    oversampling: Literal["none", "cell", "tissue", "cell+tissue"] = "cell+tissue"
    oversampling_gamma: float = Field(default=0.85, ge=0, le=1)  # 0: all equally often; 1: classes balanced

    threshold: float = Field(default=0.5, gt=0, lt=1)  # nucleus if the probability exceeds this; 0.5 is arg max
    edge: float = Field(default=0.4, gt=0, lt=1)  # gradient from which a pixel is between nuclei

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.patch % 16:
            raise ValueError(f"set patch to a multiple of 16, the side of a token; it is {self.patch}")
        if self.network == "small" and self.extra.changes_geometry:
            raise ValueError("extra.crop and extra.elastic can be set only with the network sam-b, not with small")
        return self
