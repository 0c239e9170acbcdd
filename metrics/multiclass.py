"""Panoptic quality by nucleus class: PanNuke's mPQ and bPQ, CoNIC's mPQ+, and agreement of counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Integer, Real

from bench.errors import DataError
from metrics.instances import pooled_pq
from metrics.overlap import Overlap


@dataclass(frozen=True)
class TissueMean:
    """A mean over tissues of means over images, with the number of images of each tissue that counted."""

    value: float
    by_tissue: dict[str, float]
    n_images: dict[str, int]


def class_counts(
    table: Overlap, true_types: Integer[np.ndarray, " t"], pred_types: Integer[np.ndarray, " p"], n_classes: int
) -> Real[np.ndarray, "c 4"]:
    """Return (TP, FP, FN, ΣIoU) of each class 1..C of one image, as if scored on maps of only that class.

    Args:
        table: overlap table of the image.
        true_types: class in 1..C of each true instance, in ascending order of id.
        pred_types: the same for predicted instances; instances of class 0 count in no class.
        n_classes: C.

    Raises:
        DataError: the number of types is not the number of instances.

    >>> from metrics.overlap import overlap
    >>> table = overlap(np.array([[1, 1, 0, 2]]), np.array([[1, 1, 0, 2]]))
    >>> class_counts(table, np.array([1, 2]), np.array([1, 1]), 2).tolist()
    [[1.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0]]
    """
    if len(true_types) != table.n_true or len(pred_types) != table.n_pred:
        raise DataError(
            "There must be one type per instance",
            got=f"{len(true_types)} and {len(pred_types)} types, {table.n_true} and {table.n_pred} instances",
        )
    of_true, of_pred = np.asarray(true_types)[table.true_index], np.asarray(pred_types)[table.pred_index]
    hit = (2 * table.intersection > table.union) & (of_true == of_pred)
    bins = n_classes + 1
    tp = np.bincount(of_true[hit], minlength=bins)
    sum_iou = np.bincount(of_true[hit], weights=table.iou()[hit], minlength=bins)
    n_true, n_pred = np.bincount(true_types, minlength=bins), np.bincount(pred_types, minlength=bins)
    return np.stack([tp, n_pred - tp, n_true - tp, sum_iou], axis=1)[1:]


def pq_of_present(counts: Real[np.ndarray, "*batch 4"]) -> Float64[np.ndarray, "*batch"]:
    """Return PQ, NaN if the truth has no instance, as in PanNuke's script, which ignores false positives there.

    >>> pq_of_present(np.array([[1, 0, 0, 0.8], [0, 1, 0, 0]])).tolist()
    [0.8, nan]
    """
    return np.asarray(np.where(counts[..., 0] + counts[..., 2] > 0, pooled_pq(counts), np.nan))


def mpq_of_images(counts: Real[np.ndarray, "n c 4"]) -> Float64[np.ndarray, " n"]:
    """Return mPQ of each image, its mean PQ over the classes present in its truth; NaN if there are none.

    PanNuke (Gamper et al., 2020). Average over images for `mpq/image`, or see :func:`mean_by_tissue`.

    >>> mpq_of_images(np.array([[[1, 0, 0, 0.8], [0, 0, 1, 0]]])).tolist()  # of .8 and 0
    [0.4]
    """
    return mean_defined(pq_of_present(counts))


def mpq_plus(counts: Real[np.ndarray, "*batch c 4"]) -> Float64[np.ndarray, "*batch"]:
    """Return mPQ+ of counts summed over images, the mean of pooled PQ over classes (CoNIC, Graham et al., 2024).

    A class that occurs in neither truth nor prediction is left out. The reference adds 1e-6 to its denominators.

    >>> float(mpq_plus(np.array([[1, 0, 0, 0.8], [0, 1, 0, 0], [0, 0, 0, 0]])))  # of .8 and 0
    0.4
    """
    return mean_defined(pooled_pq(counts))


def mean_by_tissue(values: Real[np.ndarray, " n"], tissues: Sequence[str]) -> TissueMean:
    """Return the mean over tissues of the mean over images, NaN images left out (PanNuke's order of averaging).

    >>> found = mean_by_tissue(np.array([0.2, 0.4, 0.9, np.nan]), ["colon", "colon", "lung", "lung"])
    >>> round(found.value, 4), found.n_images
    (0.6, {'colon': 2, 'lung': 1})
    """
    array, names = np.asarray(values, dtype=np.float64), np.asarray(tissues)
    parts = {str(tissue): array[names == tissue] for tissue in np.unique(names)}
    means = {tissue: float(mean_defined(part)) for tissue, part in parts.items()}
    counts = {tissue: int((~np.isnan(part)).sum()) for tissue, part in parts.items()}
    return TissueMean(float(mean_defined(np.array(list(means.values())))), means, counts)


def count_r2(true: Real[np.ndarray, "n c"], pred: Real[np.ndarray, "n c"]) -> Float64[np.ndarray, " c"]:
    """Return R² of the counts of each class over images, 1 - Σ(t - p)² / Σ(t - mean)²; 1 is perfect, no lower bound.

    NaN if all images have the same true count. CoNIC counts in the central 224 x 224 pixels.

    >>> count_r2(np.array([[1], [2], [3]]), np.array([[1], [2], [4]])).tolist()
    [0.5]
    """
    true, pred = np.asarray(true, dtype=np.float64), np.asarray(pred, dtype=np.float64)
    total = ((true - true.mean(axis=0)) ** 2).sum(axis=0)
    share = np.divide(((true - pred) ** 2).sum(axis=0), total, out=np.full(total.shape, np.nan), where=total > 0)
    return np.asarray(1 - share)


def mean_count_r2(true: Real[np.ndarray, "n c"], pred: Real[np.ndarray, "n c"]) -> float:
    """Return the mean over classes of R² of counts, as CoNIC ranks (Graham et al., 2024); NaN if no class has one.

    A class whose true count is the same in all images is left out. The reference, scikit-learn's `r2_score`, gives it 1
    if all predictions are right and 0 if not.

    >>> mean_count_r2(np.array([[1, 4], [2, 4], [3, 4]]), np.array([[1, 4], [2, 4], [4, 4]]))
    0.5
    """
    return float(mean_defined(count_r2(true, pred)))


def pq_of_classes(counts: Real[np.ndarray, "n c 4"]) -> Float64[np.ndarray, " c"]:
    """Return PanNuke's PQ of each class: its mean over the images in whose truth the class occurs; NaN if in none.

    Gamper et al. (2020), table of classes. :func:`mpq_of_images` averages over classes first, then over images.

    >>> pq_of_classes(np.array([[[1, 0, 0, 0.8], [0, 2, 0, 0]], [[0, 0, 1, 0], [0, 0, 0, 0]]])).tolist()
    [0.4, nan]
    """
    return mean_defined(pq_of_present(counts).T)


def mean_defined(values: Float64[np.ndarray, "*batch c"]) -> Float64[np.ndarray, "*batch"]:
    """Return the mean over the last axis of the values that are not NaN; NaN if all are NaN.

    >>> mean_defined(np.array([[1.0, np.nan, 3.0], [np.nan] * 3])).tolist()
    [2.0, nan]
    """
    defined = ~np.isnan(values)
    count = defined.sum(axis=-1)
    total = np.where(defined, values, 0.0).sum(axis=-1)
    return np.asarray(np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0))
