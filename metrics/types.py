"""Detection and typing of nuclei by matched centroids, from counts summed over images, as HoVer-Net does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int64, Integer, Real, Shaped
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from bench.errors import DataError

Variant = Literal["code", "paper"]

# The radius within which centroids match: 12 px at 0.25 micrometres per pixel.
RADIUS_UM = 3.0

# Layout of a vector of counts: these four, then `CLASS_COUNTS` for each class 1..C.
DETECTION_COUNTS = ("tp_d", "fp_d", "fn_d", "n_equal")
CLASS_COUNTS = ("tp", "fp", "fn", "tn", "fp_d", "fn_d")


@dataclass(frozen=True)
class CentroidMatches:
    """Pairs of true and predicted nuclei (row indices), and the nuclei without a partner."""

    pairs: Int64[np.ndarray, "k 2"]
    unmatched_true: Int64[np.ndarray, " u"]
    unmatched_pred: Int64[np.ndarray, " v"]


@dataclass(frozen=True)
class TypeScores:
    """Detection and typing of a test set, all in [0, 1]; NaN where undefined, with the reason in `undefined`.

    `f_type`, `precision_type` and `recall_type` have one value per class 1..C.
    """

    f_d: float
    precision: float
    recall: float
    acc: float
    f_type: tuple[float, ...]
    precision_type: tuple[float, ...]
    recall_type: tuple[float, ...]
    undefined: Mapping[str, str]


def matching_radius(mpp: float) -> float:
    """Return the matching radius in pixels at `mpp` micrometres per pixel: 12 at 0.25, 6 at 0.5.

    >>> matching_radius(0.25), matching_radius(0.5)
    (12.0, 6.0)
    """
    return RADIUS_UM / mpp


def centroids(instances: Integer[np.ndarray, "h w"]) -> Float64[np.ndarray, "n 2"]:
    """Return the mean (x, y) of the pixels of each instance, in pixels, in ascending order of id.

    >>> centroids(np.array([[1, 1, 0], [0, 0, 5]])).tolist()
    [[0.5, 0.0], [2.0, 1.0]]
    """
    # Horizontal runs of one id, not pixels: a run of length l that ends at x has its mean at x - (l - 1) / 2.
    is_end = np.ones(instances.shape, dtype=bool)
    np.not_equal(instances[:, 1:], instances[:, :-1], out=is_end[:, :-1])
    ends = np.flatnonzero(is_end)
    length = np.diff(ends, prepend=-1)
    ids = np.ravel(instances)[ends]
    nuclear = ids > 0
    ends, length = ends[nuclear], length[nuclear]
    row, last_column = np.divmod(ends, instances.shape[1])
    found, rank = np.unique(ids[nuclear], return_inverse=True)
    area = np.bincount(rank, weights=length, minlength=len(found))
    x = np.bincount(rank, weights=length * (last_column - (length - 1) / 2), minlength=len(found))
    y = np.bincount(rank, weights=length * row, minlength=len(found))
    return np.stack([x, y], axis=1) / area[:, None]


def match_centroids(true: Real[np.ndarray, "t 2"], pred: Real[np.ndarray, "p 2"], radius_px: float) -> CentroidMatches:
    """Return true and predicted centroids in one-to-one pairs.

    The Hungarian algorithm minimises the total Euclidean distance over *all* pairs; only then are pairs
    separated that are further apart than `radius_px` (pixels, inclusive). The other order gives other numbers.

    >>> found = match_centroids(np.array([[0.0, 0.0], [9.0, 0.0]]), np.array([[1.0, 0.0]]), 3.0)
    >>> found.pairs.tolist(), found.unmatched_true.tolist()
    ([[0, 0]], [1])
    """
    true_rows, pred_rows = np.arange(len(true)), np.arange(len(pred))
    if not len(true) or not len(pred):
        return CentroidMatches(np.zeros((0, 2), dtype=np.int64), true_rows, pred_rows)
    distance = cdist(true, pred)
    rows, columns = linear_sum_assignment(distance)
    near = distance[rows, columns] <= radius_px
    pairs = np.stack([rows[near], columns[near]], axis=1).astype(np.int64)
    return CentroidMatches(pairs, np.setdiff1d(true_rows, pairs[:, 0]), np.setdiff1d(pred_rows, pairs[:, 1]))


def n_counts(n_classes: int) -> int:
    """Return the length of a vector of counts for `n_classes` classes.

    >>> n_counts(2)
    16
    """
    return len(DETECTION_COUNTS) + n_classes * len(CLASS_COUNTS)


def type_counts(
    true_instances: Integer[np.ndarray, "h w"],
    true_types: Integer[np.ndarray, " t"],
    pred_instances: Integer[np.ndarray, "h w"],
    pred_types: Integer[np.ndarray, " p"],
    *,
    n_classes: int,
    radius_px: float,
) -> Int64[np.ndarray, " k"]:
    """Return the counts of one image, to be summed over images.

    Args:
        true_instances: instance map of the truth, any ids.
        true_types: class in 1..C of each instance present, in ascending order of id.
        pred_instances: instance map of the prediction.
        pred_types: the same for predicted instances; 0 if the network chose no class.
        n_classes: C.
        radius_px: matching radius in pixels, see :func:`matching_radius`.

    Returns:
        `DETECTION_COUNTS`, then `CLASS_COUNTS` for each class. Empty images give the counts of the nuclei that
        exist; no nucleus is added to them, unlike in HoVer-Net's script.

    Raises:
        DataError: the number of types is not the number of instances, or a type is outside 0..C.

    >>> nuclei, types = np.array([[1, 1, 0, 2]]), np.array([1, 1])
    >>> type_counts(nuclei, types, nuclei, types, n_classes=1, radius_px=12.0).tolist()
    [2, 0, 0, 2, 2, 0, 0, 0, 0, 0]
    """
    true_xy, pred_xy = centroids(true_instances), centroids(pred_instances)
    _check(true_types, len(true_xy), 1, n_classes, "true_types")
    _check(pred_types, len(pred_xy), 0, n_classes, "pred_types")
    return matched_counts(match_centroids(true_xy, pred_xy, radius_px), true_types, pred_types, n_classes)


def matched_counts(
    matches: CentroidMatches,
    true_types: Integer[np.ndarray, " t"],
    pred_types: Integer[np.ndarray, " p"],
    n_classes: int,
) -> Int64[np.ndarray, " k"]:
    """Return the counts of one image whose nuclei are already paired.

    >>> pairs = match_centroids(np.zeros((1, 2)), np.zeros((1, 2)), 3.0)
    >>> matched_counts(pairs, np.array([1]), np.array([2]), 2).tolist()
    [1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    """
    of_true = np.asarray(true_types)[matches.pairs[:, 0]]
    of_pred = np.asarray(pred_types)[matches.pairs[:, 1]]
    n_pairs = len(matches.pairs)
    equal = of_true == of_pred
    bins = n_classes + 1
    tp = np.bincount(of_true[equal], minlength=bins)
    fp = np.bincount(of_pred, minlength=bins) - tp
    fn = np.bincount(of_true, minlength=bins) - tp
    alone_pred = np.bincount(np.asarray(pred_types)[matches.unmatched_pred], minlength=bins)
    alone_true = np.bincount(np.asarray(true_types)[matches.unmatched_true], minlength=bins)
    by_class = np.stack([tp, fp, fn, n_pairs - tp - fp - fn, alone_pred, alone_true], axis=1)[1:]
    detection = [n_pairs, len(matches.unmatched_pred), len(matches.unmatched_true), int(equal.sum())]
    return np.concatenate([detection, by_class.ravel()]).astype(np.int64)


def type_scores(counts: Real[np.ndarray, " k"], variant: Variant = "code") -> TypeScores:
    """Return detection and typing scores of counts summed over a test set.

    F_d = 2TP_d / (2TP_d + FP_d + FN_d); Acc = pairs of equal type / pairs; F_c = 2(TP_c + TN_c) / (2(TP_c +
    TN_c) + 2FP_c + 2FN_c + FP_d + FN_d). Variant `code` is HoVer-Net's script, which looks only at pairs of
    class c and so has TN_c = 0 and counts only unmatched nuclei of class c; variant `paper` takes TN_c over
    all pairs and all unmatched nuclei (Graham et al., MedIA 2019, eq. 9).

    >>> scores = type_scores(np.array([8, 2, 0, 6, 6, 2, 0, 0, 2, 0]))
    >>> round(scores.f_d, 4), scores.acc, round(scores.f_type[0], 4)
    (0.8889, 0.75, 0.6667)
    """
    f_type = type_f1(counts, variant)
    undefined = {
        name: "neither the truth nor the prediction holds a nucleus"
        for name in ("f_d", "precision", "recall")
        if np.isnan(detection_f1(counts))
    }
    if np.isnan(type_accuracy(counts)):
        undefined["acc"] = "no predicted nucleus was matched"
    for index, value in enumerate(f_type, start=1):
        if np.isnan(value):
            undefined[f"f_type/{index}"] = f"class {index} is absent from truth and prediction"
    return TypeScores(
        f_d=float(detection_f1(counts)),
        precision=float(detection_precision(counts)),
        recall=float(detection_recall(counts)),
        acc=float(type_accuracy(counts)),
        f_type=tuple(f_type.tolist()),
        precision_type=tuple(type_precision(counts, variant).tolist()),
        recall_type=tuple(type_recall(counts, variant).tolist()),
        undefined=undefined,
    )


def detection_f1(counts: Real[np.ndarray, "*batch k"]) -> Float64[np.ndarray, "*batch"]:
    """Return F_d of summed counts; NaN if there is neither a true nor a predicted nucleus.

    >>> round(float(detection_f1(np.array([8, 2, 0, 6]))), 4)  # 16 / 18
    0.8889
    """
    tp, fp, fn, _ = _detection(counts)
    return _ratio(2 * tp, 2 * tp + fp + fn)


def detection_precision(counts: Real[np.ndarray, "*batch k"]) -> Float64[np.ndarray, "*batch"]:
    """Return TP_d / (TP_d + FP_d); 0 if nothing was predicted although there were nuclei.

    >>> float(detection_precision(np.array([8, 2, 0, 6])))
    0.8
    """
    tp, fp, fn, _ = _detection(counts)
    return _ratio(tp, np.where((tp + fp == 0) & (fn > 0), 1, tp + fp))


def detection_recall(counts: Real[np.ndarray, "*batch k"]) -> Float64[np.ndarray, "*batch"]:
    """Return TP_d / (TP_d + FN_d); 0 if nuclei were predicted although there were none.

    >>> float(detection_recall(np.array([8, 2, 0, 6])))
    1.0
    """
    tp, fp, fn, _ = _detection(counts)
    return _ratio(tp, np.where((tp + fn == 0) & (fp > 0), 1, tp + fn))


def type_accuracy(counts: Real[np.ndarray, "*batch k"]) -> Float64[np.ndarray, "*batch"]:
    """Return the share of matched pairs whose types are equal (DiffMix's "Acc"); NaN without pairs.

    >>> float(type_accuracy(np.array([8, 2, 0, 6])))
    0.75
    """
    tp, _, _, equal = _detection(counts)
    return _ratio(equal, tp)


def type_f1(counts: Real[np.ndarray, "*batch k"], variant: Variant = "code") -> Float64[np.ndarray, "*batch c"]:
    """Return F_c of each class; NaN if the class is absent from truth and prediction.

    >>> type_f1(np.array([8, 2, 0, 6, 6, 2, 0, 0, 2, 0])).round(4).tolist()  # 12 / (12 + 2 · 2 + 2)
    [0.6667]
    """
    return _ratio(2 * _weighted(counts, variant)[0], type_denominators(counts, variant)[..., 0, :])


def type_precision(counts: Real[np.ndarray, "*batch k"], variant: Variant = "code") -> Float64[np.ndarray, "*batch c"]:
    """Return (TP_c + TN_c) / (TP_c + TN_c + 2FP_c + FP_d,c) of each class (CellViT's weights).

    >>> type_precision(np.array([8, 2, 0, 6, 6, 2, 0, 0, 2, 0])).tolist()  # 6 / (6 + 2 · 2 + 2)
    [0.5]
    """
    return _ratio(_weighted(counts, variant)[0], type_denominators(counts, variant)[..., 1, :])


def type_recall(counts: Real[np.ndarray, "*batch k"], variant: Variant = "code") -> Float64[np.ndarray, "*batch c"]:
    """Return (TP_c + TN_c) / (TP_c + TN_c + 2FN_c + FN_d,c) of each class (CellViT's weights).

    >>> type_recall(np.array([8, 2, 0, 6, 6, 2, 0, 0, 2, 0])).tolist()
    [1.0]
    """
    return _ratio(_weighted(counts, variant)[0], type_denominators(counts, variant)[..., 2, :])


def detection_denominators(counts: Real[np.ndarray, "*batch k"]) -> Float64[np.ndarray, "*batch 4"]:
    """Return what a group of images weighs in F_d, precision, recall and Acc: the denominators of its counts.

    >>> detection_denominators(np.array([8, 2, 0, 6])).tolist()
    [18.0, 10.0, 8.0, 8.0]
    """
    tp, fp, fn, _ = _detection(counts)
    return np.stack([2 * tp + fp + fn, tp + fp, tp + fn, tp], axis=-1)


def type_denominators(
    counts: Real[np.ndarray, "*batch k"], variant: Variant = "code"
) -> Float64[np.ndarray, "*batch 3 c"]:
    """Return what a group of images weighs in F_c, precision and recall of each class: the denominators of its counts.

    >>> type_denominators(np.array([8, 2, 0, 6, 6, 2, 0, 0, 2, 0])).tolist()
    [[18.0], [12.0], [6.0]]
    """
    hits, fp, fn, alone_pred, alone_true, present = _weighted(counts, variant)
    of_f = np.where(present, 2 * (hits + fp + fn) + alone_pred + alone_true, 0)
    of_precision = np.where(present, hits + 2 * fp + alone_pred, 0)
    return np.stack([of_f, of_precision, np.where(present, hits + 2 * fn + alone_true, 0)], axis=-2)


def _detection(counts: Real[np.ndarray, "*batch k"]) -> Float64[np.ndarray, "4 *batch"]:
    return np.moveaxis(np.asarray(counts, dtype=np.float64)[..., : len(DETECTION_COUNTS)], -1, 0)


def _weighted(counts: Real[np.ndarray, "*batch k"], variant: Variant) -> tuple[Shaped[np.ndarray, "*batch _c"], ...]:
    counts = np.asarray(counts, dtype=np.float64)
    by_class = counts[..., len(DETECTION_COUNTS) :]
    shape = (*counts.shape[:-1], by_class.shape[-1] // len(CLASS_COUNTS), len(CLASS_COUNTS))
    tp, fp, fn, tn, alone_pred, alone_true = np.moveaxis(by_class.reshape(shape), -1, 0)
    present = tp + fp + fn + alone_pred + alone_true > 0
    if variant == "code":
        return tp, fp, fn, alone_pred, alone_true, present
    _, all_pred, all_true, _ = _detection(counts)[..., None]
    return tp + tn, fp, fn, all_pred, all_true, present


def _ratio(
    numerator: Real[np.ndarray, "*any"] | np.number, denominator: Real[np.ndarray, "*any"] | np.number
) -> Float64[np.ndarray, "*any"]:
    numerator, denominator = np.broadcast_arrays(numerator, np.asarray(denominator, dtype=np.float64))
    undefined = np.full(denominator.shape, np.nan)
    return np.asarray(np.divide(numerator, denominator, out=undefined, where=denominator > 0))


def _check(types: Integer[np.ndarray, " n"], n: int, lowest: int, highest: int, name: str) -> None:
    types = np.asarray(types)
    if len(types) != n:
        raise DataError(f"There must be one entry of `{name}` per instance", got=f"{len(types)} types, {n} instances")
    if n and (types.min() < lowest or types.max() > highest):
        raise DataError(f"`{name}` is not in {lowest}..{highest}", got=f"types {types.min()} to {types.max()}")
