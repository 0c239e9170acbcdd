"""Settings of the vision transformer: HistoDiffusion's protocol (MICCAI 2023, supplement, table 2).

The paper gives batch, epochs, learning rate and optimiser and takes all else from "the official codebase", whose
evaluation script is iBOT's, which is DeiT's (Touvron et al., ICML 2021, table 9). The released script trains another
network (ViT-S, 300 epochs, batch 256) and picks its checkpoint on the test set; we pick it on a hold-out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_serializer, model_validator

from bench.contract import Settings
from downstream.weights import identity


class Recipe(Settings):
    """Augmentation and regularisation; the defaults are the release's."""

    symmetries: Literal["none", "flip", "all"] = "flip"  # left and right; "all": the square's eight, tissue has no top
    crop: tuple[float, float] = (0.08, 1.0)  # share of the image's area that is cut out and scaled up
    aspect: tuple[float, float] = (3 / 4, 4 / 3)  # of that cut
    operations: int = Field(default=2, ge=0)  # RandAugment's operations an image, each left out half the time
    magnitude: float = Field(default=9.0, ge=0, le=10)
    magnitude_sd: float = Field(default=0.5, ge=0)
    jitter: float = Field(default=0.0, ge=0, lt=1)  # of colours; the release's 0.4 is idle, RandAugment replaces it
    erasing: float = Field(default=0.25, ge=0, le=1)  # chance that a rectangle is filled with noise
    mixup: float = Field(default=0.8, ge=0)  # alpha of the Beta distribution; 0: off
    cutmix: float = Field(default=1.0, ge=0)  # likewise; with both on, each is used half the time
    mixing: float = Field(default=1.0, ge=0, le=1)  # chance that a batch is mixed at all
    smoothing: float = Field(default=0.1, ge=0, lt=1)
    drop_path: float = Field(default=0.1, ge=0, lt=1)


class ViTConfig(Settings):
    """All that the trained weights and the predictions depend on."""

    network: str = "vit_base_patch16_224"  # any ViT of timm, or `small`: a few narrow blocks
    size: int = Field(default=224, ge=16)  # side of the network's input; images are resized to it
    patch: int = Field(default=8, ge=2)  # `small` only, as are the next three
    width: int = Field(default=192, ge=16)
    depth: int = Field(default=4, ge=1)
    heads: int = Field(default=4, ge=1)
    # Of a timm network, trained elsewhere; its head is replaced. Absent: random. Nothing is downloaded.
    # Keys hold the file's hash, not where it lies.
    pretrained: Path | None = None
    normalisation: Literal["imagenet", "half"] = "imagenet"  # mean and SD of pixels; `half`: 0.5, as timm's AugReg ViTs

    batch: int = Field(default=128, gt=0)
    learning_rate: float = Field(default=1e-4, gt=0)
    final_learning_rate: float = Field(default=1e-5, ge=0)  # release: cosine down to this
    warmup_learning_rate: float = Field(default=1e-6, ge=0)
    warmup: float = Field(default=5 / 300, ge=0, lt=1)  # share of the steps; release: 5 of 300 epochs
    weight_decay: float = Field(default=0.05, ge=0)  # release; none on biases, norms, tokens and positions (DeiT)
    clip: float | None = Field(default=None, gt=0)
    ema: float | None = Field(default=0.99996, gt=0, lt=1)  # release; a limit, the horizon grows with the steps
    recipe: Recipe = Recipe()

    # `best`: the checkpoint of the highest hold-out accuracy, the lower cross-entropy where two agree.
    selection: Literal["best", "last"] = "best"
    holdout: float = Field(default=0.1, ge=0, lt=1)  # share of each class of the real training images, in whole groups
    evaluations: int = Field(default=20, gt=0)  # of the hold-out, evenly over the training

    @field_serializer("pretrained")
    def _identify(self, pretrained: Path | None) -> str | None:
        return identity(pretrained)

    @model_validator(mode="after")
    def _fits(self) -> ViTConfig:
        if self.network == "small":
            if self.pretrained is not None:
                raise ValueError("expected pretrained with a network of timm only, not with small")
            if self.size % self.patch:
                raise ValueError(f"expected a size divisible by patch {self.patch}, got {self.size}")
            if self.width % self.heads:
                raise ValueError(f"expected a width divisible by {self.heads} heads, got {self.width}")
        if self.selection == "best" and self.holdout == 0:
            raise ValueError("expected a hold-out to select the best checkpoint on: holdout > 0, or selection last")
        return self


class ViTPretrainedConfig(ViTConfig):
    """The row with ImageNet's weights: those that `pretrained` names, else those in the folder of weights."""

    normalisation: Literal["imagenet", "half"] = "half"
