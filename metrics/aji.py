"""Aggregated Jaccard index with and without one-to-one pairing, computed from the overlap table."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.optimize import linear_sum_assignment

from metrics.overlap import Overlap


def aji(table: Overlap) -> float:
    """Return the aggregated Jaccard index, sum of I over sum of U, in [0, 1] (Kumar et al., TMI 2017).

    Each true instance takes the prediction of largest IoU, which several may share; I and U sum over these
    pairs, and U also over the areas of true instances that overlap nothing and of predictions that no
    instance took. NaN when both maps are empty, 0 when one is. HoVer-Net's `get_fast_aji` adds 1e-6 to the IoU's
    denominator, which decides ties of IoU in favour of the larger intersection; this function does
    so too, without the constant.

    >>> from metrics.overlap import overlap
    >>> table = overlap(np.array([[1, 1, 1, 2]]), np.array([[1, 1, 2, 2]]))  # IoU 2/3, 1/4, 1/2
    >>> aji(table)  # (2 + 1) / (3 + 2)
    0.6
    """
    if table.both_empty:
        return float("nan")
    order = np.lexsort((table.pred_index, -table.intersection, -table.iou(), table.true_index))
    first = np.ones(len(order), dtype=bool)
    first[1:] = np.diff(table.true_index[order]) > 0
    return _ratio(table, order[first])


def aji_plus(table: Overlap) -> float:
    """Return AJI with one-to-one pairs of largest total IoU, in [0, 1] (HoVer-Net's `get_fast_aji_plus`).

    NaN when both maps are empty, 0 when one is.

    >>> from metrics.overlap import overlap
    >>> table = overlap(np.array([[1, 1, 2, 2]]), np.array([[1, 1, 1, 1]]))  # one prediction over two nuclei
    >>> round(aji_plus(table), 4), aji(table)
    (0.3333, 0.5)
    """
    if table.both_empty:
        return float("nan")
    return _ratio(table, best_pairs(table))


def best_pairs(table: Overlap) -> Int64[np.ndarray, " r"]:
    """Return the rows of the one-to-one pairing with the largest total IoU.

    A pair whose IoU exceeds the sum of the best other IoU of its two members belongs to every best pairing, so
    such pairs are taken first, repeatedly; the few remaining pairs (touching, split and merged nuclei) are
    assigned by the Hungarian algorithm.

    >>> from metrics.overlap import overlap
    >>> table = overlap(np.array([[1, 1, 1, 2]]), np.array([[1, 1, 2, 2]]))  # rows: 1-1, 1-2, 2-2
    >>> best_pairs(table).tolist()
    [0, 2]
    """
    iou = table.iou()
    open_rows = np.arange(len(iou))
    taken = []
    while len(open_rows):
        sure = _undisputed(table, iou, open_rows)
        if not sure.any():
            break
        rows = open_rows[sure]
        taken.append(rows)
        free_true = np.ones(table.n_true, dtype=bool)
        free_pred = np.ones(table.n_pred, dtype=bool)
        free_true[table.true_index[rows]] = False
        free_pred[table.pred_index[rows]] = False
        open_rows = open_rows[free_true[table.true_index[open_rows]] & free_pred[table.pred_index[open_rows]]]
    taken.append(_hungarian(table, iou, open_rows))
    return np.sort(np.concatenate(taken))


def _undisputed(
    table: Overlap, iou: Float64[np.ndarray, " k"], rows: Int64[np.ndarray, " r"]
) -> Bool[np.ndarray, " r"]:
    other_of_true = _best_other(table.true_index[rows], iou[rows], table.n_true)
    other_of_pred = _best_other(table.pred_index[rows], iou[rows], table.n_pred)
    return np.asarray(iou[rows] > other_of_true + other_of_pred)


def _best_other(owner: Int64[np.ndarray, " r"], iou: Float64[np.ndarray, " r"], n: int) -> Float64[np.ndarray, " r"]:
    """Return, for each row, the largest IoU among the other rows of its owner."""
    order = np.lexsort((-iou, owner))
    owners, values = owner[order], iou[order]
    starts = np.flatnonzero(np.concatenate(([True], np.diff(owners) > 0)))
    second = np.zeros(n)
    has_second = np.append(np.diff(starts), len(owners) - starts[-1]) > 1
    second[owners[starts[has_second]]] = values[starts[has_second] + 1]
    best = np.zeros(n)
    best[owners[starts]] = values[starts]
    is_best = np.zeros(len(iou), dtype=bool)
    is_best[order[starts]] = True
    return np.asarray(np.where(is_best, second[owner], best[owner]))


def _hungarian(
    table: Overlap, iou: Float64[np.ndarray, " k"], rows: Int64[np.ndarray, " r"]
) -> Int64[np.ndarray, " q"]:
    if not len(rows):
        return rows
    _, true_rank = np.unique(table.true_index[rows], return_inverse=True)
    _, pred_rank = np.unique(table.pred_index[rows], return_inverse=True)
    row_of = np.full((true_rank.max() + 1, pred_rank.max() + 1), -1)
    row_of[true_rank, pred_rank] = rows
    gain = np.where(row_of >= 0, iou[row_of], 0.0)
    chosen = row_of[linear_sum_assignment(gain, maximize=True)]
    return np.asarray(chosen[chosen >= 0])


def _ratio(table: Overlap, rows: Int64[np.ndarray, " r"]) -> float:
    missed = np.delete(table.true_areas, table.true_index[rows]).sum()
    spurious = np.delete(table.pred_areas, table.pred_index[rows]).sum()
    return float(table.intersection[rows].sum() / (table.union[rows].sum() + missed + spurious))
