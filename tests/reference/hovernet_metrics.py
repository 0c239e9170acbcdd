"""Instance metrics by the steps of HoVer-Net's released script: a mask of the whole map for each nucleus, loops.

Its constants of 1e-6 are kept. The maps must hold ids 1..n and some background, as the script demands.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment


def _masks(instances):
    return [None, *((instances == i).astype(np.uint8) for i in range(1, instances.max() + 1))]


def _pairs(true, pred):
    """Yield intersection and sum of areas of every pair that overlaps, found nucleus by nucleus."""
    true_masks, pred_masks = _masks(true), _masks(pred)
    for i, mask in enumerate(true_masks[1:], start=1):
        for j in np.unique(pred[mask > 0]).tolist():
            if j:
                other = pred_masks[j]
                shared = int((mask * other).sum())
                yield i, j, shared, int((mask + other).sum())


def dice_1(true, pred):
    a, b = (true > 0).astype(np.uint8), (pred > 0).astype(np.uint8)
    return 2 * int((a * b).sum()) / (int(a.sum()) + int(b.sum()))


def dice_2(true, pred):
    pairs = list(_pairs(true, pred))
    return 2 * sum(shared for _, _, shared, _ in pairs) / sum(total for *_, total in pairs)


def pq(true, pred, threshold=0.5):
    """Return DQ, SQ and PQ of pairs whose IoU exceeds the threshold."""
    iou = np.zeros((true.max(), pred.max()))
    for i, j, shared, total in _pairs(true, pred):
        iou[i - 1, j - 1] = shared / (total - shared)
    matched = iou[iou > threshold]
    tp, fn, fp = len(matched), len(iou) - len(matched), iou.shape[1] - len(matched)
    dq = tp / (tp + 0.5 * fp + 0.5 * fn)
    sq = matched.sum() / (tp + 1e-6)
    return dq, sq, dq * sq


def _tables(true, pred):
    shared_of, union_of = np.zeros((true.max(), pred.max())), np.zeros((true.max(), pred.max()))
    for i, j, shared, total in _pairs(true, pred):
        shared_of[i - 1, j - 1], union_of[i - 1, j - 1] = shared, total - shared
    return shared_of, union_of, shared_of / (union_of + 1e-6)


def _ratio(true, pred, shared_of, union_of, rows, columns):
    shared, union = shared_of[rows, columns].sum(), union_of[rows, columns].sum()
    for instances, taken in ((true, set(rows.tolist())), (pred, set(columns.tolist()))):
        union += sum((instances == i).sum() for i in range(1, instances.max() + 1) if i - 1 not in taken)
    return shared / union


def aji(true, pred):
    shared_of, union_of, iou = _tables(true, pred)
    best = iou.argmax(axis=1)
    rows = np.nonzero(iou.max(axis=1) > 0)[0]
    return _ratio(true, pred, shared_of, union_of, rows, best[rows])


def aji_plus(true, pred):
    shared_of, union_of, iou = _tables(true, pred)
    rows, columns = linear_sum_assignment(-iou)
    kept = iou[rows, columns] > 0
    return _ratio(true, pred, shared_of, union_of, rows[kept], columns[kept])
