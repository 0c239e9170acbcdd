"""Slow, obvious instance metrics: one pixel mask an instance, loops over all pairs."""

import itertools

import numpy as np


def masks(instances):
    return [instances == i for i in sorted(set(instances.ravel().tolist()) - {0})]


def iou_matrix(true, pred):
    t, p = masks(true), masks(pred)
    table = np.zeros((len(t), len(p)))
    for i, a in enumerate(t):
        for j, b in enumerate(p):
            table[i, j] = (a & b).sum() / (a | b).sum()
    return table


def dice(true, pred):
    a, b = true > 0, pred > 0
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def dice_2(true, pred):
    shared = total = 0
    for a in masks(true):
        for b in masks(pred):
            if (a & b).any():
                shared += 2 * (a & b).sum()
                total += a.sum() + b.sum()
    return shared / total


def aji(true, pred):
    t, p = masks(true), masks(pred)
    used, inter, union = set(), 0, 0
    for a in t:
        best, best_key = None, (0.0, 0)
        for j, b in enumerate(p):
            key = ((a & b).sum() / (a | b).sum(), (a & b).sum())
            if key > best_key:
                best, best_key = j, key
        if best is None:
            union += a.sum()
        else:
            inter += (a & p[best]).sum()
            union += (a | p[best]).sum()
            used.add(best)
    union += sum(b.sum() for j, b in enumerate(p) if j not in used)
    return inter / union


def best_total_iou(iou):
    """Largest total IoU of a one-to-one pairing, by trying them all (a few instances only)."""
    n, m = iou.shape
    if n > m:
        return best_total_iou(iou.T)
    return max(sum(iou[i, j] for i, j in enumerate(order)) for order in itertools.permutations(range(m), n))


def panoptic(true, pred):
    iou = iou_matrix(true, pred)
    n, m = iou.shape
    hits = iou[iou > 0.5]
    tp = len(hits)
    dq = tp / (tp + 0.5 * (m - tp) + 0.5 * (n - tp))
    sq = hits.mean() if tp else 0.0
    return dq, sq, dq * sq, tp, m - tp, n - tp


def centroids(instances):
    found = []
    for mask in masks(instances):
        rows, columns = np.nonzero(mask)
        found.append((columns.mean(), rows.mean()))
    return np.array(found).reshape(-1, 2)
