"""HoVer-Net's losses: cross-entropy and Dice of the class maps, squared error of offsets and of their gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor
from torch.nn import functional

from downstream.hovernet.config import LossWeights

EPSILON = 1e-7  # probabilities are clipped to [epsilon, 1 - epsilon] before taking logarithms
SMOOTH = 1e-3  # smoothing term of the soft Dice


def hovernet_loss(
    output: Mapping[str, Tensor],
    nucleus: Integer[Tensor, "n h w"],
    hv: Float[Tensor, "n 2 h w"],
    types: Integer[Tensor, "n h w"],
    weights: LossWeights,
    typed: Bool[Tensor, " n"] | None = None,
) -> dict[str, Tensor]:
    """Return the terms by name, and their weighted sum under `loss`.

    Args:
        output: `np` (n, 2, h, w) and, if there is a type branch, `tp` (n, c + 1, h, w) logits; `hv` (n, 2, h, w)
            offsets in the order [x, y].
        nucleus: 1 inside nuclei.
        hv: true offsets.
        types: true class of each pixel, 0 background.
        weights: weight of each term.
        typed: which patches have types. The type head's terms come from only these, and are 0 without any. None: all.
    """
    terms = {
        "hv_mse": functional.mse_loss(output["hv"].float(), hv),
        "hv_msge": msge(output["hv"].float(), hv, nucleus, weights.msge_indexing),
    }
    for name, target in (("np", nucleus), ("tp", types)):
        if name not in output:
            continue
        logits = output[name].float()
        if name == "tp" and typed is not None:
            logits, target = logits[typed], target[typed]
        if not len(logits):
            terms |= {"tp_ce": output[name].sum() * 0, "tp_dice": output[name].sum() * 0}
            continue
        probability = logits.softmax(1)
        classes = torch.arange(probability.shape[1], device=target.device)
        one_hot = (target[:, None] == classes[:, None, None]).to(probability.dtype)
        terms[f"{name}_ce"] = cross_entropy(probability, one_hot)
        terms[f"{name}_dice"] = dice_loss(probability, one_hot)
    loss = torch.stack([getattr(weights, name) * value for name, value in terms.items()]).sum()
    return {"loss": loss, **terms}


def cross_entropy(probability: Float[Tensor, "n c h w"], true: Float[Tensor, "n c h w"]) -> Float[Tensor, ""]:
    """Return the mean over pixels of -sum_c true log p, with p clipped to [1e-7, 1 - 1e-7]."""
    return -(true * probability.clamp(EPSILON, 1 - EPSILON).log()).sum(1).mean()


def dice_loss(probability: Float[Tensor, "n c h w"], true: Float[Tensor, "n c h w"]) -> Float[Tensor, ""]:
    """Return sum_c 1 - (2 sum p t + s) / (sum p + sum t + s), summed over the batch and all pixels, s = 1e-3."""
    shared = (probability * true).sum((0, 2, 3))
    total = probability.sum((0, 2, 3)) + true.sum((0, 2, 3))
    return (1 - (2 * shared + SMOOTH) / (total + SMOOTH)).sum()


def msge(
    predicted: Float[Tensor, "n 2 h w"],
    true: Float[Tensor, "n 2 h w"],
    nucleus: Integer[Tensor, "n h w"],
    indexing: Literal["xy", "ij"] = "xy",
) -> Float[Tensor, ""]:
    """Return the mean squared error of the offsets' gradients inside nuclei.

    With `xy`, the x map is differentiated along x and the y map along y (the paper). With `ij`, the x map is
    differentiated along y and the y map along x, as in the PyTorch release
    because its `torch.meshgrid` uses matrix indexing.
    """
    # The gradient is linear, so the gradient of the difference is the difference of the gradients, at half the cost.
    kernel = gradient_kernels(indexing).to(predicted)
    gradient = functional.conv2d(predicted - true, kernel, padding=2, groups=2)
    mask = nucleus[:, None].to(gradient.dtype)
    return (mask * gradient.square()).sum() / (2 * mask.sum() + 1e-8)


def gradient_kernels(indexing: Literal["xy", "ij"] = "xy") -> Float[Tensor, "2 1 5 5"]:
    """Return the 5 x 5 kernels d / (x^2 + y^2 + 1e-15) of the x and the y map, where d is the offset along the axis."""
    offsets = torch.arange(-2.0, 3.0)
    y, x = torch.meshgrid(offsets, offsets, indexing="ij")
    square = x * x + y * y + 1e-15
    along_x, along_y = x / square, y / square
    pair = (along_x, along_y) if indexing == "xy" else (along_y, along_x)
    return torch.stack(pair)[:, None]
