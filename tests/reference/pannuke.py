"""PanNuke's and CoNIC's averages over images, tissues and classes, image by image and nucleus by nucleus."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Labelled = tuple[np.ndarray, np.ndarray]
"""An instance map, and the class of each of its ids in ascending order."""


def of_class(labelled: Labelled, kind: int | None) -> list[np.ndarray]:
    """Return the masks of the nuclei of a class, of all nuclei for None."""
    instances, types = labelled
    ids = [i for i in np.unique(instances) if i > 0]
    return [instances == i for i, own in zip(ids, types, strict=True) if kind in (None, own)]


def panoptic_quality(true: Sequence[np.ndarray], pred: Sequence[np.ndarray]) -> float:
    """Return PQ of two lists of masks; NaN if there is no true one."""
    if not true:
        return float("nan")
    overlaps = [(a & b).sum() / (a | b).sum() for a in true for b in pred]
    matched = [value for value in overlaps if value > 0.5]
    n = len(matched)
    return float(sum(matched) / (n + (len(pred) - n) / 2 + (len(true) - n) / 2))


def mean_of_defined(values: Sequence[float]) -> float:
    """Return the mean of the values that are not NaN; NaN without any."""
    kept = [value for value in values if value == value]
    return sum(kept) / len(kept) if kept else float("nan")


def bpq_by_tissue(pairs: Sequence[tuple[Labelled, Labelled]], tissues: Sequence[str]) -> float:
    """Return the mean over tissues of the mean over images of binary PQ."""
    found: dict[str, list[float]] = {}
    for (true, pred), tissue in zip(pairs, tissues, strict=True):
        found.setdefault(tissue, []).append(panoptic_quality(of_class(true, None), of_class(pred, None)))
    return mean_of_defined([mean_of_defined(values) for values in found.values()])


def pq_of_class(pairs: Sequence[tuple[Labelled, Labelled]], kind: int) -> float:
    """Return the mean over images of the PQ of a class."""
    return mean_of_defined([panoptic_quality(of_class(true, kind), of_class(pred, kind)) for true, pred in pairs])


def r2_of_class(pairs: Sequence[tuple[Labelled, Labelled]], kind: int) -> float:
    """Return the coefficient of determination of the numbers of nuclei of a class; NaN if the true one never varies."""
    counts = [(len(of_class(true, kind)), len(of_class(pred, kind))) for true, pred in pairs]
    mean = sum(t for t, _ in counts) / len(counts)
    spread = sum((t - mean) ** 2 for t, _ in counts)
    return 1 - sum((t - p) ** 2 for t, p in counts) / spread if spread else float("nan")
