"""Image classification from one pooled confusion matrix: accuracy, F1, sensitivity, specificity; and AUROC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Float64, Int64, Integer, Real

from bench.errors import DataError

Average = Literal["macro", "weighted"]
NAN = float("nan")


@dataclass(frozen=True)
class ClassificationScores:
    """Scores of a test set, all in [0, 1], 1 perfect.

    Macro values are means over the classes that occur in the truth, weighted values weigh classes by their
    frequency; the weighted sensitivity is the accuracy. `auroc` is the macro mean of one class against the rest, and
    NaN without scores.
    """

    accuracy: float
    f1_macro: float
    f1_weighted: float
    sensitivity_macro: float
    sensitivity_weighted: float
    specificity_macro: float
    specificity_weighted: float
    auroc: float
    confusion: Int64[np.ndarray, "c c"]


def score_classes(
    true: Integer[np.ndarray, " n"],
    pred: Integer[np.ndarray, " n"],
    n_classes: int,
    *,
    scores: Float[np.ndarray, "n c"] | None = None,
) -> ClassificationScores:
    """Score predicted classes against the truth, pooled over all images (never averaged over batches).

    Args:
        true: class 0..C-1 of each image.
        pred: predicted class.
        n_classes: C.
        scores: class probabilities, for AUROC.

    Raises:
        DataError: lengths differ, a class is outside 0..C-1, or there is no image.

    >>> scores = score_classes(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]), 2)
    >>> scores.accuracy, round(scores.f1_macro, 4)
    (0.75, 0.7333)
    """
    confusion = confusion_matrix(true, pred, n_classes)
    flat = confusion.ravel()
    values = {
        f"{name}_{average}": float(statistic(average)(flat))
        for name, statistic in (("f1", f1), ("sensitivity", sensitivity), ("specificity", specificity))
        for average in ("macro", "weighted")
    }
    area = NAN if scores is None else auroc(true, scores)
    return ClassificationScores(accuracy=float(accuracy(flat)), auroc=area, confusion=confusion, **values)


def confusion_matrix(
    true: Integer[np.ndarray, " n"], pred: Integer[np.ndarray, " n"], n_classes: int
) -> Int64[np.ndarray, "c c"]:
    """Count images by true (row) and predicted (column) class.

    >>> confusion_matrix(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]), 2).tolist()
    [[2, 0], [1, 1]]
    """
    true, pred = np.asarray(true), np.asarray(pred)
    if true.shape != pred.shape or true.ndim != 1 or not len(true):
        raise DataError(
            "There must be one true and one predicted class per image", got=f"{true.shape} and {pred.shape}"
        )
    lowest, highest = min(true.min(), pred.min()), max(true.max(), pred.max())
    if lowest < 0 or highest >= n_classes:
        raise DataError(f"Some classes are outside 0..{n_classes - 1}", got=f"{lowest} to {highest}")
    return np.bincount(true * n_classes + pred, minlength=n_classes**2).reshape(n_classes, n_classes)


def one_hot_confusion(
    true: Integer[np.ndarray, " n"], pred: Integer[np.ndarray, " n"], n_classes: int
) -> Float64[np.ndarray, "n cc"]:
    """Return each image's own (flattened) confusion matrix: the sufficient statistics of its group.

    >>> one_hot_confusion(np.array([0, 1]), np.array([0, 0]), 2).tolist()
    [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]
    """
    statistics = np.zeros((len(true), n_classes**2))
    statistics[np.arange(len(true)), np.asarray(true) * n_classes + np.asarray(pred)] = 1
    return statistics


def accuracy(flat: Real[np.ndarray, "*batch cc"]) -> Float64[np.ndarray, "*batch"]:
    """Return the share of correctly classified images, from flattened confusion matrices.

    >>> float(accuracy(np.array([2, 0, 1, 1])))
    0.75
    """
    confusion = _square(flat)
    return _ratio(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum(axis=(-2, -1)))


def sensitivity(average: Average) -> Callable[[Real[np.ndarray, "*batch cc"]], Float64[np.ndarray, "*batch"]]:
    """Return the statistic TP / (TP + FN), averaged over classes.

    >>> float(sensitivity("macro")(np.array([2, 0, 1, 1])))  # of 1 and 1/2
    0.75
    """
    return lambda flat: _average(flat, lambda tp, fp, fn, tn: _ratio(tp, tp + fn), average)


def specificity(average: Average) -> Callable[[Real[np.ndarray, "*batch cc"]], Float64[np.ndarray, "*batch"]]:
    """Return the statistic TN / (TN + FP), averaged over classes.

    >>> float(specificity("macro")(np.array([2, 0, 1, 1])))  # of 1/2 and 1
    0.75
    """
    return lambda flat: _average(flat, lambda tp, fp, fn, tn: _ratio(tn, tn + fp), average)


def f1(average: Average) -> Callable[[Real[np.ndarray, "*batch cc"]], Float64[np.ndarray, "*batch"]]:
    """Return the statistic 2TP / (2TP + FP + FN), averaged over classes.

    >>> round(float(f1("macro")(np.array([2, 0, 1, 1]))), 4)  # of 4/5 and 2/3
    0.7333
    """
    return lambda flat: _average(flat, lambda tp, fp, fn, tn: _ratio(2 * tp, 2 * tp + fp + fn), average)


def by_class(
    flat: Real[np.ndarray, "*batch cc"],
) -> tuple[Float64[np.ndarray, "*batch c"], Float64[np.ndarray, "*batch c"], Float64[np.ndarray, "*batch c"]]:
    """Return F1, sensitivity and specificity of each class from flattened confusion matrices; NaN where undefined.

    >>> f1_class, sensitivity_class, specificity_class = by_class(np.array([2, 0, 1, 1]))
    >>> sensitivity_class.tolist()
    [1.0, 0.5]
    """
    tp, fp, fn, tn = _by_class(flat)
    return _ratio(2 * tp, 2 * tp + fp + fn), _ratio(tp, tp + fn), _ratio(tn, tn + fp)


def denominators(flat: Real[np.ndarray, "*batch cc"]) -> Float64[np.ndarray, "*batch 3 c"]:
    """Return what a group of images weighs in F1, sensitivity and specificity of each class.

    >>> denominators(np.array([2, 0, 1, 1])).tolist()
    [[5.0, 3.0], [2.0, 2.0], [2.0, 2.0]]
    """
    tp, fp, fn, tn = _by_class(flat)
    return np.stack([2 * tp + fp + fn, tp + fn, tn + fp], axis=-2)


def auroc(true: Integer[np.ndarray, " n"], scores: Float[np.ndarray, "n c"]) -> float:
    """Return the area under the ROC curve of each class against the rest, averaged over classes where it is defined.

    >>> auroc(np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.4, 0.6], [0.5, 0.5], [0.2, 0.8]]))
    0.75
    """
    areas = auroc_by_class(true, scores)
    defined = areas[np.isfinite(areas)]
    return float(defined.mean()) if len(defined) else NAN


def auroc_by_class(true: Integer[np.ndarray, " n"], scores: Float[np.ndarray, "n c"]) -> Float64[np.ndarray, " c"]:
    """Return the area under the ROC curve of each class against the rest; NaN if all or no images are of it.

    >>> auroc_by_class(np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.4, 0.6], [0.5, 0.5], [0.2, 0.8]])).tolist()
    [0.75, 0.75]
    """
    return np.array([auroc_of_class(true, scores, c) for c in range(scores.shape[1])], np.float64)


def auroc_of_class(true: Integer[np.ndarray, " n"], scores: Float[np.ndarray, "n c"], index: int) -> float:
    """Return the area under the ROC curve of one class against the rest; NaN if all or no images are of it.

    >>> auroc_of_class(np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.4, 0.6], [0.5, 0.5], [0.2, 0.8]]), 0)
    0.75
    """
    from sklearn.metrics import roc_auc_score

    true = np.asarray(true)
    if len(scores) != len(true) or not np.isfinite(scores).all():
        raise DataError("There must be one row of finite class scores per image", got=f"shape {scores.shape}")
    if not 0 < (true == index).sum() < len(true):
        return NAN
    return float(roc_auc_score(true == index, scores[:, index]))


def _square(flat: Real[np.ndarray, "*batch cc"]) -> Float64[np.ndarray, "*batch c c"]:
    array = np.asarray(flat, dtype=np.float64)
    n_classes = round(array.shape[-1] ** 0.5)
    return array.reshape(*array.shape[:-1], n_classes, n_classes)


def _by_class(flat: Real[np.ndarray, "*batch cc"]) -> tuple[Float64[np.ndarray, "*batch c"], ...]:
    confusion = _square(flat)
    tp = np.diagonal(confusion, axis1=-2, axis2=-1)
    fp, fn = confusion.sum(axis=-2) - tp, confusion.sum(axis=-1) - tp
    return tp, fp, fn, confusion.sum(axis=(-2, -1))[..., None] - tp - fp - fn


def _average(
    flat: Real[np.ndarray, "*batch cc"], of_class: Callable[..., Float64[np.ndarray, "*batch c"]], average: Average
) -> Float64[np.ndarray, "*batch"]:
    tp, fp, fn, tn = _by_class(flat)
    values, support = of_class(tp, fp, fn, tn), tp + fn
    # A class that never occurs in the truth has no sensitivity; scikit-learn counts it as 0.
    weights = support if average == "weighted" else (support > 0).astype(np.float64)
    weights = np.where(np.isnan(values), 0.0, weights)
    return _ratio((weights * np.nan_to_num(values)).sum(axis=-1), weights.sum(axis=-1))


def _ratio(
    top: Real[np.ndarray, "*any"] | np.number, bottom: Real[np.ndarray, "*any"] | np.number
) -> Float64[np.ndarray, "*any"]:
    return np.asarray(np.divide(top, bottom, out=np.full(np.shape(bottom), np.nan), where=bottom > 0))
