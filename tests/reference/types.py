"""Detection and typing by loops over nuclei and pairs, pooled over images, as HoVer-Net's and CellViT's scripts do."""

from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist


def pooled(images, radius):
    """Return (true type, predicted type) of pairs, and types of what is left over, over all images.

    An image is (true centroids, true types, predicted centroids, predicted types).
    """
    pairs, missed, spurious = [], [], []
    for true, true_types, pred, pred_types in images:
        distance = cdist(true, pred)
        close = [(i, j) for i, j in zip(*linear_sum_assignment(distance), strict=True) if distance[i, j] <= radius]
        pairs += [(true_types[i], pred_types[j]) for i, j in close]
        missed += [t for i, t in enumerate(true_types) if i not in {i for i, _ in close}]
        spurious += [t for j, t in enumerate(pred_types) if j not in {j for _, j in close}]
    return pairs, missed, spurious


def detection(pairs, missed, spurious):
    """Return F, precision and recall of detection, and the share of pairs of one type."""
    tp, fn, fp = len(pairs), len(missed), len(spurious)
    equal = sum(t == p for t, p in pairs)
    return 2 * tp / (2 * tp + fp + fn), tp / (tp + fp), tp / (tp + fn), equal / tp


def of_class(c, pairs, missed, spurious):
    """Return F, precision and recall of one class, true negatives left out as the released code does."""
    tp = sum(t == c and p == c for t, p in pairs)
    fp = sum(t != c and p == c for t, p in pairs)
    fn = sum(t == c and p != c for t, p in pairs)
    fp_d, fn_d = sum(p == c for p in spurious), sum(t == c for t in missed)
    f = 2 * tp / (2 * tp + 2 * fp + 2 * fn + fp_d + fn_d)
    return f, tp / (tp + 2 * fp + fp_d), tp / (tp + 2 * fn + fn_d)


def as_printed(c, pairs, missed, spurious):
    """Return F of one class as the paper prints it: true negatives counted, everything unpaired counted."""
    right = sum((t == c) == (p == c) for t, p in pairs)
    wrong = len(pairs) - right
    return 2 * right / (2 * right + 2 * wrong + len(missed) + len(spurious))
