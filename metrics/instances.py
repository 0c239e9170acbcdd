"""Instance metrics of one image, all computed from one overlap table: Dice, Jaccard, AJI, AJI+, DQ, SQ, PQ, F1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Integer, Real

from metrics.aji import aji, aji_plus
from metrics.overlap import Overlap, overlap

__all__ = [
    "POOLED",
    "InstanceScores",
    "Panoptic",
    "aji",
    "aji_plus",
    "dice",
    "dice_2",
    "instance_f1",
    "jaccard",
    "panoptic",
    "pool",
    "pooled_dq",
    "pooled_panoptic",
    "pooled_pq",
    "pooled_sq",
    "score_instances",
    "score_table",
]

# The sufficient statistics of pooled quality, in the order of `InstanceScores.pooled()`.
POOLED = ("tp", "fp", "fn", "sum_iou")

NAN = float("nan")


@dataclass(frozen=True)
class Panoptic:
    """Detection, segmentation and panoptic quality, with the counts that they are computed from."""

    dq: float
    sq: float
    pq: float
    tp: int
    fp: int
    fn: int
    sum_iou: float


@dataclass(frozen=True)
class InstanceScores:
    """Instance metrics of one image, all in [0, 1], 1 perfect.

    All are NaN when neither map contains an instance (the image counts in no mean) and 0 when exactly one does.
    Pooled quality is computed from sums of `tp`, `fp`, `fn` and `sum_iou`; `both_empty` marks the images that are
    counted as left out.
    """

    dice: float
    jaccard: float
    dice_2: float
    aji: float
    aji_plus: float
    dq: float
    sq: float
    pq: float
    f1: float
    tp: int
    fp: int
    fn: int
    sum_iou: float
    n_true: int
    n_pred: int

    @property
    def both_empty(self) -> bool:
        """Whether neither map contains an instance."""
        return self.n_true == 0 and self.n_pred == 0

    def pooled(self) -> Float64[np.ndarray, " 4"]:
        """Return the sufficient statistics of pooled quality in the order of `POOLED`."""
        return np.array([self.tp, self.fp, self.fn, self.sum_iou], dtype=np.float64)


def score_instances(
    true: Integer[np.ndarray, "h w"],
    pred: Integer[np.ndarray, "h w"],
    *,
    ignore: Bool[np.ndarray, "h w"] | None = None,
) -> InstanceScores:
    """Return the scores of a predicted instance map against the true one.

    Args:
        true: instance ids of the truth; 0 is background, other ids are positive and may have gaps.
        pred: instance ids of the prediction, in the same form.
        ignore: pixels that count nowhere.

    Raises:
        DataError: the maps are not integer, differ in shape, are not 2-D or contain negative ids.

    >>> true = np.zeros((32, 32), dtype=np.int32)
    >>> true[2:10, 2:10] = 1
    >>> pred = np.zeros_like(true)
    >>> pred[2:10, 4:12] = 7
    >>> scores = score_instances(true, pred)
    >>> scores.dice, round(scores.jaccard, 6), round(scores.pq, 6)
    (0.75, 0.6, 0.6)
    """
    return score_table(overlap(true, pred, ignore=ignore))


def score_table(table: Overlap) -> InstanceScores:
    """Return the scores of an image from its overlap table; see :func:`score_instances`.

    >>> table = overlap(np.array([[1, 1, 1, 2]]), np.array([[1, 1, 2, 2]]))  # IoU 2/3, 1/4, 1/2
    >>> round(score_table(table).pq, 4)
    0.3333
    """
    quality = panoptic(table)
    return InstanceScores(
        dice=dice(table),
        jaccard=jaccard(table),
        dice_2=dice_2(table),
        aji=aji(table),
        aji_plus=aji_plus(table),
        dq=quality.dq,
        sq=quality.sq,
        pq=quality.pq,
        f1=instance_f1(table),
        tp=quality.tp,
        fp=quality.fp,
        fn=quality.fn,
        sum_iou=quality.sum_iou,
        n_true=table.n_true,
        n_pred=table.n_pred,
    )


def dice(table: Overlap) -> float:
    """Return the Dice coefficient of the foregrounds, 2|A ∩ B| / (|A| + |B|), in [0, 1].

    NaN when both maps are empty, 0 when one is (HoVer-Net's `get_dice_1`).

    >>> table = overlap(np.array([[1, 1, 1, 2]]), np.array([[1, 1, 2, 2]]))  # IoU 2/3, 1/4, 1/2
    >>> dice(table)  # all pixels are covered by both
    1.0
    """
    if table.both_empty:
        return NAN
    return float(2 * table.intersection.sum() / (table.true_areas.sum() + table.pred_areas.sum()))


def jaccard(table: Overlap) -> float:
    """Return the foregrounds' Jaccard index, |A ∩ B| / (|A| + |B| - |A ∩ B|), in [0, 1]; empty maps as for Dice.

    >>> jaccard(overlap(np.array([[1, 1, 0, 0]]), np.array([[0, 1, 1, 1]])))  # 1 of 4 pixels
    0.25
    """
    if table.both_empty:
        return NAN
    shared = table.intersection.sum()
    return float(shared / (table.true_areas.sum() + table.pred_areas.sum() - shared))


def dice_2(table: Overlap) -> float:
    """Return the ensemble Dice, 2 ΣI / Σ(|t| + |p|) over all overlapping pairs (HoVer-Net's `get_dice_2`).

    NaN when both maps are empty, 0 when nothing overlaps (the reference then divides by zero).

    >>> table = overlap(np.array([[1, 1, 1, 2]]), np.array([[1, 1, 2, 2]]))  # IoU 2/3, 1/4, 1/2
    >>> round(dice_2(table), 4)  # 2 · (2 + 1 + 1) / (5 + 5 + 3)
    0.6154
    """
    if table.both_empty:
        return NAN
    if not len(table.intersection):
        return 0.0
    areas = table.true_areas[table.true_index].sum() + table.pred_areas[table.pred_index].sum()
    return float(2 * table.intersection.sum() / areas)


def panoptic(table: Overlap) -> Panoptic:
    """Return panoptic quality, PQ = DQ · SQ, in [0, 1] (Kirillov et al., CVPR 2019, eq. 1).

    A pair matches when IoU > 0.5, strictly; such pairs are unique. DQ = TP / (TP + FP/2 + FN/2); SQ is the
    mean IoU of matched pairs, 0 without any. All NaN when both maps are empty. HoVer-Net's reference adds
    1e-6 to SQ's denominator; this function does not.

    >>> table = overlap(np.array([[1, 1, 1, 2]]), np.array([[1, 1, 2, 2]]))  # IoU 2/3, 1/4, 1/2
    >>> quality = panoptic(table)
    >>> quality.dq, round(quality.sq, 4), round(quality.pq, 4)
    (0.5, 0.6667, 0.3333)
    """
    matched = 2 * table.intersection > table.union
    tp = int(matched.sum())
    fp, fn = table.n_pred - tp, table.n_true - tp
    sum_iou = float(table.iou()[matched].sum())
    dq, sq, pq = (float(value) for value in pooled_panoptic(np.array([tp, fp, fn, sum_iou])))
    return Panoptic(dq=dq, sq=sq, pq=pq, tp=tp, fp=fp, fn=fn, sum_iou=sum_iou)


def instance_f1(table: Overlap, threshold: float = 0.5) -> float:
    """Return 2TP / (2TP + FP + FN) of instances matched at IoU > `threshold` >= 0.5; NaN if both empty.

    >>> table = overlap(np.array([[1, 1, 1, 2]]), np.array([[1, 1, 2, 2]]))  # IoU 2/3, 1/4, 1/2
    >>> instance_f1(table), instance_f1(table, 0.7)
    (0.5, 0.0)
    """
    if threshold < 0.5:
        raise ValueError(f"the threshold must be at least 0.5, where matches are unique, but is {threshold}")
    if table.both_empty:
        return NAN
    tp = int((table.iou() > threshold).sum())
    return 2 * tp / (table.n_true + table.n_pred)


def pooled_panoptic(
    sums: Real[np.ndarray, "*batch 4"],
) -> tuple[Float64[np.ndarray, "*batch"], Float64[np.ndarray, "*batch"], Float64[np.ndarray, "*batch"]]:
    """Return DQ, SQ and PQ of summed (TP, FP, FN, ΣIoU), over the last axis; NaN where all counts are 0.

    >>> dq, sq, pq = pooled_panoptic(np.array([3, 1, 1, 2.4]))
    >>> float(dq), round(float(sq), 4), round(float(pq), 4)
    (0.75, 0.8, 0.6)
    """
    tp, _, _, sum_iou = np.moveaxis(np.asarray(sums, dtype=np.float64), -1, 0)
    weight = pooled_weight(sums)
    dq = np.divide(tp, weight, out=np.full_like(tp, np.nan), where=weight > 0)
    sq = np.divide(sum_iou, tp, out=np.where(weight > 0, 0.0, np.nan), where=tp > 0)
    return dq, sq, np.asarray(dq * sq)


def pooled_dq(sums: Real[np.ndarray, "*batch 4"]) -> Float64[np.ndarray, "*batch"]:
    """Return detection quality of summed (TP, FP, FN, ΣIoU), a statistic of sums.

    >>> float(pooled_dq(np.array([3, 1, 1, 2.4])))
    0.75
    """
    return pooled_panoptic(sums)[0]


def pooled_sq(sums: Real[np.ndarray, "*batch 4"]) -> Float64[np.ndarray, "*batch"]:
    """Return segmentation quality of summed (TP, FP, FN, ΣIoU), a statistic of sums.

    >>> round(float(pooled_sq(np.array([3, 1, 1, 2.4]))), 4)
    0.8
    """
    return pooled_panoptic(sums)[1]


def pooled_pq(sums: Real[np.ndarray, "*batch 4"]) -> Float64[np.ndarray, "*batch"]:
    """Return panoptic quality of summed (TP, FP, FN, ΣIoU), a statistic of sums.

    >>> round(float(pooled_pq(np.array([3, 1, 1, 2.4]))), 4)
    0.6
    """
    return pooled_panoptic(sums)[2]


def pooled_weight(sums: Real[np.ndarray, "*batch 4"]) -> Float64[np.ndarray, "*batch"]:
    """Return what a group of images weighs in pooled DQ and PQ: TP + FP / 2 + FN / 2 of its sums.

    >>> float(pooled_weight(np.array([3, 1, 1, 2.4])))
    4.0
    """
    tp, fp, fn, _ = np.moveaxis(np.asarray(sums, dtype=np.float64), -1, 0)
    return np.asarray(tp + (fp + fn) / 2)


def pool(scores: Sequence[InstanceScores]) -> Float64[np.ndarray, "n 4"]:
    """Return the sufficient statistics of several images, one row per image.

    >>> nuclei = np.array([[1, 1, 0, 2]])
    >>> pool([score_instances(nuclei, nuclei), score_instances(nuclei, 0 * nuclei)]).tolist()
    [[2.0, 0.0, 0.0, 2.0], [0.0, 0.0, 2.0, 0.0]]
    """
    return np.stack([score.pooled() for score in scores]) if scores else np.zeros((0, 4))
