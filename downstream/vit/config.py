"""Settings of the vision transformer: HistoDiffusion's protocol (MICCAI 2023, supplement, table 2).

The paper states batch, epochs, learning rate and optimiser and takes everything else from "the official codebase",
whose evaluation script is that of iBOT, which is that of DeiT (Touvron et al., ICML 2021, table 9). The released script
trains another network (ViT-S, 300 epochs, batch 256) and selects its checkpoint on the test set; we use a hold-out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_serializer, model_validator

from bench.contract import Settings
from downstream.weights import identity


class Recipe(Settings):
    """Augmentation and regularisation; the defaults are those of the release."""

    symmetries: Literal["none", "flip", "all"] = "flip"  # left and right; "all": the eight of the square
    crop: tuple[float, float] = (0.08, 1.0)  # share of the image's area that is cut out and scaled up
    aspect: tuple[float, float] = (3 / 4, 4 / 3)  # width : height of the crop
    operations: int = Field(default=2, ge=0)  # RandAugment's operations per image, each left out half of the time
    magnitude: float = Field(default=9.0, ge=0, le=10)
    magnitude_sd: float = Field(default=0.5, ge=0)
    jitter: float = Field(default=0.0, ge=0, lt=1)  # of colours; the release's 0.4 has no effect with RandAugment
    erasing: float = Field(default=0.25, ge=0, le=1)  # chance that a rectangle is filled with noise
    mixup: float = Field(default=0.8, ge=0)  # alpha of the Beta distribution; 0 means off
    cutmix: float = Field(default=1.0, ge=0)  # alpha; if both are on, each is used half of the time
    mixing: float = Field(default=1.0, ge=0, le=1)  # probability that a batch is mixed
    smoothing: float = Field(default=0.1, ge=0, lt=1)
    drop_path: float = Field(default=0.1, ge=0, lt=1)


class ViTConfig(Settings):
    """All settings that the trained weights and the predictions depend on."""

    network: str = "vit_base_patch16_224"  # any ViT of timm, or `small`, which has a few narrow blocks
    size: int = Field(default=224, ge=16)  # side of the network's input; images are resized to it
    patch: int = Field(default=8, ge=2)  # this and the next three are for `small` only
    width: int = Field(default=192, ge=16)
    depth: int = Field(default=4, ge=1)
    heads: int = Field(default=4, ge=1)
    # Weights of a timm network; its head is replaced. None means random weights. Nothing is downloaded.
    # Keys contain the hash of the file, not its path.
    pretrained: Path | None = None
    normalisation: Literal["imagenet", "half"] = "imagenet"  # mean and SD; `half`: 0.5, for timm's AugReg ViTs

    batch: int = Field(default=128, gt=0)
    learning_rate: float = Field(default=1e-4, gt=0)
    final_learning_rate: float = Field(default=1e-5, ge=0)  # release: end of the cosine
    warmup_learning_rate: float = Field(default=1e-6, ge=0)
    warmup: float = Field(default=5 / 300, ge=0, lt=1)  # share of the steps; release: 5 of 300 epochs
    weight_decay: float = Field(default=0.05, ge=0)  # release; none on biases, norms, tokens and positions (DeiT)
    clip: float | None = Field(default=None, gt=0)
    ema: float | None = Field(default=0.99996, gt=0, lt=1)  # release; an upper limit, the horizon grows with the steps
    recipe: Recipe = Recipe()

    # `best`: the checkpoint with the highest hold-out accuracy, and the lower cross-entropy if two are equal.
    selection: Literal["best", "last"] = "best"
    holdout: float = Field(default=0.1, ge=0, lt=1)  # share of each class of the real training images, in whole groups
    evaluations: int = Field(default=20, gt=0)  # evaluations on the hold-out, evenly over the training

    @field_serializer("pretrained")
    def _identify(self, pretrained: Path | None) -> str | None:
        return identity(pretrained)

    @model_validator(mode="after")
    def _fits(self) -> ViTConfig:
        if self.network == "small":
            if self.pretrained is not None:
                raise ValueError("pretrained can be set only with a network of timm, not with small")
            if self.size % self.patch:
                raise ValueError(f"set size to a multiple of patch ({self.patch}); it is {self.size}")
            if self.width % self.heads:
                raise ValueError(f"set width to a multiple of heads ({self.heads}); it is {self.width}")
        if self.selection == "best" and self.holdout == 0:
            raise ValueError("selection=best needs a hold-out: set holdout above 0, or selection=last")
        return self


class ViTPretrainedConfig(ViTConfig):
    """Settings of the row with ImageNet weights: from the file `pretrained`, or from the folder of weights."""

    normalisation: Literal["imagenet", "half"] = "half"
