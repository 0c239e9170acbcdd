"""Agreement of two foregrounds, pixel by pixel: what a network calls nucleus, before nuclei are separated."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from bench.errors import DataError


class PixelScores(NamedTuple):
    """Dice and Jaccard index of the foregrounds of one image, in [0, 1].

    NaN where both are empty, and 0 where only one is; `dice_cellvit` is 0 in either case.
    """

    dice: float
    jaccard: float
    dice_cellvit: float


def pixel_scores(true: Bool[np.ndarray, "h w"], pred: Bool[np.ndarray, "h w"]) -> PixelScores:
    """Return Dice, 2|A ∩ B| / (|A| + |B|), and the Jaccard index, |A ∩ B| / (|A| + |B| - |A ∩ B|).

    CellViT's evaluation (torchmetrics 0.11.4) gives images without nuclei in truth and prediction a Dice of 0 and no
    Jaccard index, so a network is not rewarded for leaving an empty image empty.

    Raises:
        DataError: the foregrounds differ in shape.

    >>> pixel_scores(np.array([[True, True, False]]), np.array([[False, True, False]]))._asdict()
    {'dice': 0.6666666666666666, 'jaccard': 0.5, 'dice_cellvit': 0.6666666666666666}
    >>> pixel_scores(np.zeros((1, 3), bool), np.zeros((1, 3), bool))
    PixelScores(dice=nan, jaccard=nan, dice_cellvit=0.0)
    """
    if true.shape != pred.shape:
        raise DataError("The foregrounds are not of one shape", got=f"{true.shape} and {pred.shape}")
    shared, total = int((true & pred).sum()), int(true.sum()) + int(pred.sum())
    if not total:
        return PixelScores(float("nan"), float("nan"), 0.0)
    dice = 2 * shared / total
    return PixelScores(dice, shared / (total - shared), dice)
