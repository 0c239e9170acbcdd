"""Mixup (Zhang et al., ICLR 2018) and CutMix (Yun et al., ICCV 2019) of a batch with its own reverse."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, UInt8
from torch import Tensor
from torch.nn import functional

from downstream.vit.config import Recipe


def draw_mask(size: int, recipe: Recipe, rng: np.random.Generator) -> Float32[np.ndarray, "s s"] | None:
    """Draw the share, in [0, 1], that each pixel keeps of its own image; None if a batch is not mixed.

    One mask is used for a batch: constant for mixup; 0 in a rectangle and 1 elsewhere for CutMix.
    """
    if not (recipe.mixup or recipe.cutmix) or rng.random() >= recipe.mixing:
        return None
    if recipe.cutmix and (not recipe.mixup or rng.random() < 0.5):
        side = size * np.sqrt(1 - rng.beta(recipe.cutmix, recipe.cutmix))
        y, x = rng.integers(size, size=2)
        mask = np.ones((size, size), np.float32)
        top, left = max(0, round(y - side / 2)), max(0, round(x - side / 2))
        mask[top : round(y + side / 2), left : round(x + side / 2)] = 0
        return mask
    return np.full((size, size), rng.beta(recipe.mixup, recipe.mixup), np.float32)


def mix(images: UInt8[Tensor, "n s s 3"], mask: Float32[Tensor, "s s"]) -> Float32[Tensor, "n s s 3"]:
    """Mix image k with image n - 1 - k."""
    own = mask[None, :, :, None]
    return images * own + images.flip(0) * (1 - own)


def targets(
    labels: Int[Tensor, " n"], classes: int, smoothing: float, mask: Float32[Tensor, "s s"] | None
) -> Float[Tensor, "n c"]:
    """Return the class probabilities to learn, smoothed and mixed like the pixels."""
    one_hot = functional.one_hot(labels, classes).to(torch.float32)
    smooth = one_hot * (1 - smoothing) + smoothing / classes
    return smooth if mask is None else torch.lerp(smooth.flip(0), smooth, mask.mean())
