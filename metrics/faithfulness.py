"""Does a synthetic image show what its mask asks for? Dice between masks, according to one segmenter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Integer

from bench.errors import DataError
from metrics.multiclass import mean_defined


@dataclass(frozen=True)
class Faithfulness:
    """FS1, FS2 and their upper anchor FS_real of one condition, in [0, 1], 1 perfect.

    FS1 compares the given mask with the segmentation of the synthetic image, FS2 the segmentations of the real
    and the synthetic image, FS_real the mask with the segmentation of the real image: FS1 is not expected to exceed
    it. NaN where both masks are empty; the plain names are binary foreground Dice, `_class` means over classes.
    """

    fs1: float
    fs2: float
    fs_real: float
    fs1_class: float
    fs2_class: float
    fs_real_class: float


def faithfulness(
    condition: Integer[np.ndarray, "h w"],
    of_synthetic: Integer[np.ndarray, "h w"],
    of_real: Integer[np.ndarray, "h w"],
    n_classes: int,
) -> Faithfulness:
    """Return the scores of one synthetic image against its condition.

    Args:
        condition: the given type map, 0 background, 1..C; C + 1, here and below, for a nucleus of no class, which
            counts only in the binary scores.
        of_synthetic: type map that the segmenter finds in the synthetic image.
        of_real: type map that it finds in the real image of this condition.
        n_classes: C.

    The published score (Konz et al., MICCAI 2024) leaves open whether Dice is binary or by class; both are given, the
    binary mean over images being the primary one.

    Raises:
        DataError: the maps differ in shape.

    >>> asked, drawn, real = np.array([[1, 1, 2, 0]]), np.array([[1, 1, 0, 0]]), np.array([[1, 1, 2, 0]])
    >>> scores = faithfulness(asked, drawn, real, 2)
    >>> scores.fs1, scores.fs1_class, scores.fs_real
    (0.8, 0.5, 1.0)
    """
    pairs = {"fs1": (of_synthetic, condition), "fs2": (of_synthetic, of_real), "fs_real": (of_real, condition)}
    values = {name: mask_dice(a > 0, b > 0) for name, (a, b) in pairs.items()}
    values |= {f"{name}_class": float(mean_defined(class_dice(a, b, n_classes))) for name, (a, b) in pairs.items()}
    return Faithfulness(**values)


def mask_dice(a: Bool[np.ndarray, "h w"], b: Bool[np.ndarray, "h w"]) -> float:
    """Return 2|A ∩ B| / (|A| + |B|); NaN when both masks are empty, 0 when one is.

    >>> mask_dice(np.array([[True, False, False]]), np.array([[True, True, True]]))
    0.5
    """
    if a.shape != b.shape:
        raise DataError("The masks are not of one shape", got=f"{a.shape} and {b.shape}")
    total = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / total if total else float("nan")


def class_dice(
    a: Integer[np.ndarray, "h w"], b: Integer[np.ndarray, "h w"], n_classes: int
) -> Float64[np.ndarray, " c"]:
    """Return the Dice of each class 1..C of two type maps; NaN if neither map contains the class.

    Raises:
        DataError: the maps differ in shape, or contain other values than 0..C + 1 (C + 1: a nucleus of no class).

    >>> class_dice(np.array([[1, 1, 2, 0]]), np.array([[1, 1, 0, 0]]), 3).tolist()
    [1.0, 0.0, nan]
    """
    if a.shape != b.shape:
        raise DataError("The type maps are not of one shape", got=f"{a.shape} and {b.shape}")
    bins = n_classes + 2
    if a.size and (min(a.min(), b.min()) < 0 or max(a.max(), b.max()) >= bins):
        raise DataError(
            f"Type maps may only contain classes 0..{bins - 1}", got=f"{min(a.min(), b.min())}..{max(a.max(), b.max())}"
        )
    codes = a.ravel().astype(np.int64) * bins + b.ravel()
    joint = np.bincount(codes, minlength=bins**2).reshape(bins, bins)
    total = (joint.sum(axis=0) + joint.sum(axis=1))[1:-1]
    shared = 2 * np.diagonal(joint)[1:-1]
    return np.asarray(np.divide(shared, total, out=np.full(n_classes, np.nan), where=total > 0))
