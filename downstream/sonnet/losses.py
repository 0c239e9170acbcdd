"""Losses of SONNET: cross-entropy and Dice of nuclei, ordinal loss, focal loss of types, self-guided weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Integer
from torch import Tensor

from downstream.hovernet.losses import EPSILON, dice_loss
from downstream.sonnet.config import LossSettings

Logits = Float[Tensor, "n c h w"]
Labels = Integer[Tensor, "n h w"]
Pixels = Float[Tensor, "n h w"]


def sonnet_loss(
    output: Mapping[str, Logits],
    batch: Mapping[str, Labels],
    settings: LossSettings,
    class_weights: Sequence[float],
    typed: Bool[Tensor, " n"] | None = None,
    *,
    self_guided: bool = False,
) -> dict[str, Tensor]:
    """Return the terms by name, and their weighted sum under `loss`.

    Args:
        output: logits `np` (n, 2, h, w), `ord` (n, 16, h, w) and, if there is a type branch, `tp` (n, c + 1, h, w).
        batch: `nucleus` (1 inside nuclei), `ordinal` (0 to 8) and `types` (0 background).
        settings: weights of the terms and their parameters.
        class_weights: weight of each class in the focal loss, background first.
        typed: which patches have types. The focal loss comes from only these, and is 0 without any. None: all.
        self_guided: whether the pixels that the network itself places at the rim of nuclei count more.
    """
    weight = torch.ones_like(output["np"][:, 0], dtype=torch.float32)
    if self_guided:
        weight = guidance(decode_ordinal(output["ord"]), settings.guidance)
    nucleus = batch["nucleus"].long()
    probability = output["np"].float().softmax(1)
    one_hot = torch.stack([nucleus == 0, nucleus == 1], 1).to(probability.dtype)
    terms = {
        "np_ce": (weight * focal(probability, nucleus, settings.balance, gamma=0)).mean(),
        "np_dice": dice_loss(probability, one_hot),
        "ord": ordinal_loss(output["ord"].float(), batch["ordinal"]),
    }
    if "tp" in output:
        logits, types = output["tp"].float(), batch["types"].long()
        if typed is not None:
            logits, types, weight = logits[typed], types[typed], weight[typed]
        if len(logits):
            terms["tp_focal"] = (weight * focal(logits.softmax(1), types, class_weights, settings.gamma)).mean()
        else:
            terms["tp_focal"] = output["tp"].sum() * 0
    loss = torch.stack([getattr(settings, name) * value for name, value in terms.items()]).sum()
    return {"loss": loss, **terms}


def focal(probability: Logits, true: Labels, class_weights: Sequence[float], gamma: float) -> Pixels:
    """Return -w_c (1 - p_c)^gamma log p_c of each pixel's true class c, with p clipped to [1e-7, 1 - 1e-7]."""
    weights = torch.tensor(class_weights, dtype=probability.dtype, device=probability.device)
    p = probability.gather(1, true[:, None])[:, 0].clamp(EPSILON, 1 - EPSILON)
    return -weights[true] * (1 - p) ** gamma * p.log()


def ordinal_loss(logits: Logits, true: Labels) -> Float[Tensor, ""]:
    """Return the mean over pixels of -sum_k log(p_k if k < label else 1 - p_k), k = 0..7.

    p_k is the probability that unit k is on, the softmax of channels 2k (off) and 2k + 1 (on), clipped to
    [1e-7, 1 - 1e-7].
    """
    on = (logits[:, 1::2] - logits[:, 0::2]).sigmoid()
    units = torch.arange(on.shape[1], device=true.device)[:, None, None]
    p = torch.where(units < true[:, None], on, 1 - on).clamp(EPSILON, 1 - EPSILON)
    return -p.log().sum(1).mean()


def decode_ordinal(logits: Logits) -> Labels:
    """Return the ordinal label of each pixel: the number of units that are on."""
    return (logits[:, 1::2] > logits[:, 0::2]).sum(1)


def guidance(ordinal: Labels, extra: tuple[float, float]) -> Pixels:
    """Return the weights of pixels: 1, and `extra` more where the predicted label is 1 (outermost) and 2."""
    return 1 + extra[0] * (ordinal == 1).float() + extra[1] * (ordinal == 2).float()


def class_weights(pixels: Sequence[int]) -> Float64[np.ndarray, " c"]:
    """Return weights proportional to (N_0 / N_c)^(1/3), which sum to the number of classes, background included.

    A class without pixels gets the largest weight of the others; it does not change theirs.

    >>> class_weights([1000, 125, 8, 0]).round(3).tolist()
    [0.375, 0.75, 1.875, 1.875]
    """
    counts = np.asarray(pixels, np.float64)
    present = counts > 0
    weights = np.zeros(len(counts))
    weights[present] = counts[present] ** (-1 / 3)
    weights *= present.sum() / weights.sum()
    return np.where(present, weights, weights.max(initial=0.0))
