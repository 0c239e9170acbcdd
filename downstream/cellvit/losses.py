"""CellViT's losses: those of HoVer-Net, the focal Tversky loss of both class maps, and cross-entropy of the tissue."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor
from torch.nn import functional

from downstream.cellvit.config import LossWeights
from downstream.hovernet.losses import cross_entropy, dice_loss, msge

ALPHA, BETA, GAMMA, SMOOTH = 0.7, 0.3, 4 / 3, 1e-6
"""Weights of false negatives and false positives, the exponent, and the smoothing term of the focal Tversky loss."""


def cellvit_loss(
    output: Mapping[str, Tensor],
    batch: Mapping[str, Tensor],
    weights: LossWeights,
    typed: Bool[Tensor, " n"] | None = None,
) -> dict[str, Tensor]:
    """Return the terms by name, and their weighted sum under `loss`.

    Args:
        output: `nuclei_binary_map` (n, 2, h, w) and, if the network has these branches, `nuclei_type_map`
            (n, c + 1, h, w) and `tissue_types` (n, t), all logits; `hv_map` (n, 2, h, w), offsets in the order [x, y].
        batch: `nucleus` (n, h, w), 1 inside nuclei; `hv` (n, 2, h, w); `types` (n, h, w), 0 background; `tissue` (n,),
            -1 where it is unknown.
        weights: weight of each term.
        typed: which patches have types. The type terms come from only these, and are 0 without any. None: all.
    """
    twice = weights.tversky_softmax == "twice"
    offsets = output["hv_map"].float()
    terms = {
        "hv_mse": functional.mse_loss(offsets, batch["hv"]),
        "hv_msge": msge(offsets, batch["hv"], batch["nucleus"], weights.msge_indexing),
    }
    probability = output["nuclei_binary_map"].float().softmax(1)
    true = one_hot(batch["nucleus"], probability)
    terms["np_tversky"] = focal_tversky(probability.softmax(1) if twice else probability, true)
    terms["np_dice"] = dice_loss(probability, true)
    if "nuclei_type_map" in output:
        terms |= _type_terms(output["nuclei_type_map"].float(), batch["types"], typed, twice)
    if "tissue_types" in output:
        terms["tissue_ce"] = tissue_loss(output["tissue_types"].float(), batch["tissue"])
    loss = torch.stack([getattr(weights, name) * value for name, value in terms.items()]).sum()
    return {"loss": loss, **terms}


def focal_tversky(probability: Float[Tensor, "n c h w"], true: Float[Tensor, "n c h w"]) -> Float[Tensor, ""]:
    """Return (1 - T)^(4/3), T = (TP + s) / (TP + 0.7 FN + 0.3 FP + s), over all classes and pixels together.

    TP = sum p t, FN = sum (1 - p) t, FP = sum p (1 - t), s = 1e-6 (Abraham and Khan, ISBI 2019). With two classes that
    exclude each other, FN = FP.
    """
    return _tversky(probability, true, (0, 1, 2, 3))


def focal_tversky_by_class(probability: Float[Tensor, "n c h w"], true: Float[Tensor, "n c h w"]) -> Float[Tensor, ""]:
    """Return the sum over classes of the focal Tversky loss of each class."""
    return _tversky(probability, true, (0, 2, 3)).sum()


def tissue_loss(logits: Float[Tensor, "n t"], tissue: Integer[Tensor, " n"]) -> Float[Tensor, ""]:
    """Return the mean cross-entropy over patches of known tissue; 0 without any."""
    known = tissue >= 0
    total = functional.cross_entropy(logits, tissue.clamp(min=0).long(), reduction="none")
    return (total * known).sum() / known.sum().clamp(min=1)


def one_hot(target: Integer[Tensor, "n h w"], like: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
    """Return the classes of pixels as channels, in the number and type of `like`."""
    classes = torch.arange(like.shape[1], device=target.device)
    return (target[:, None] == classes[:, None, None]).to(like.dtype)


def _type_terms(logits: Tensor, types: Tensor, typed: Tensor | None, twice: bool) -> dict[str, Tensor]:
    if typed is not None:
        kept = logits[typed], types[typed]
        if not len(kept[0]):
            return {name: logits.sum() * 0 for name in ("tp_ce", "tp_dice", "tp_tversky")}
        logits, types = kept
    probability = logits.softmax(1)
    true = one_hot(types, probability)
    return {
        "tp_ce": cross_entropy(probability, true),
        "tp_dice": dice_loss(probability, true),
        "tp_tversky": focal_tversky_by_class(probability.softmax(1) if twice else probability, true),
    }


def _tversky(probability: Tensor, true: Tensor, over: tuple[int, ...]) -> Tensor:
    positive = (probability * true).sum(over)
    missed, wrong = ((1 - probability) * true).sum(over), (probability * (1 - true)).sum(over)
    index = (positive + SMOOTH) / (positive + ALPHA * missed + BETA * wrong + SMOOTH)
    # rounding must not make the base of the power negative
    return (1 - index).clamp(min=0) ** GAMMA
