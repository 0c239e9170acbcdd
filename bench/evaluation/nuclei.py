"""How well are nuclei found, outlined and typed? Instance and type maps of test images against their labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float64, Int32

from bench.contract import DatasetInfo, Prediction, Sample
from bench.errors import DataError
from bench.evaluation.base import Measured
from bench.evaluation.ignored import classes_of, without_ignored
from bench.evaluation.pictures.nuclei import confused, confusion_matrices, predictions
from bench.evaluation.pictures.shown import Shown
from bench.evaluation.predictions import PredictionEvaluation
from bench.evaluation.score import Score, mean_score, number
from bench.evaluation.statistics import Statistics
from bench.results.evidence import Confusion

if TYPE_CHECKING:
    from metrics.entry import Metric

IMAGE_VALUES = ("dice", "jaccard", "dice_2", "aji", "aji_plus", "dq", "sq", "pq", "f1")
PIXELS = {"dice_pixels": "dice", "jaccard_pixels": "jaccard", "dice_pixels_cellvit": "dice_cellvit"}
SURFACES: Mapping[str, Literal["max", "concatenated"]] = {"hd95": "max", "hd95_concatenated": "concatenated"}
POOLED = ("tp", "fp", "fn", "sum_iou")
NO_TISSUE = "the dataset does not say of which tissue its images are"
NO_CLASSES = "the nuclei of the dataset have no classes"


class Nuclei(PredictionEvaluation):
    """Segmentation, detection and types of nuclei."""

    name: ClassVar[str] = "nuclei"
    version: ClassVar[int] = 2

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All metrics of instance and type maps in the table of metrics."""
        from metrics.table import of_groups

        return of_groups("instances", "types")

    def about(self, info: DatasetInfo) -> bool:
        """Return whether a dataset has nuclei."""
        return info.task == "nuclei"

    def settings(self, info: DatasetInfo) -> Mapping[str, object]:
        """Return class names and resolution, which determines the radius of matching."""
        return {"classes": list(info.classes), "mpp": info.mpp}

    def image(self, sample: Sample, prediction: Prediction, info: DatasetInfo) -> Mapping[str, object]:
        """Return the statistics of one image."""
        return image_statistics(sample, prediction, max(1, len(info.classes)))

    def scores(self, info: DatasetInfo) -> Iterator[Score]:
        """Yield the scores."""
        return nuclei_scores(info.classes)

    def pictures(self, measured: Sequence[Measured]) -> Iterator[Shown]:
        """Yield predictions for a few test tiles, and nuclei of the classes that are confused most often."""
        yield from predictions(measured)
        yield from confused(measured)

    def confusions(self, measured: Sequence[Measured], threads: int) -> Iterator[Confusion]:
        """Yield the confusion of classes of every arm and network."""
        return confusion_matrices(measured, threads)


def image_statistics(sample: Sample, prediction: Prediction, n_classes: int) -> dict[str, object]:
    """Return the statistics of one image: instance metrics, surface distances and the counts of pooled scores.

    `types` are the counts of detection and typing (`metrics.types`); `classes` are TP, FP, FN and sum of IoU of each
    class, `true_counts` and `pred_counts` its nuclei. An undefined value is NaN. If the sample has ignored
    pixels, both maps are scored without them, see :func:`without_ignored`. Nuclei without classes count as nuclei of
    one class.

    Raises:
        DataError: truth or prediction has no instances, or they differ in shape.
    """
    from metrics.instances import score_table
    from metrics.multiclass import class_counts
    from metrics.overlap import overlap
    from metrics.types import matching_radius, type_counts

    if sample.instances is None or prediction.instances is None:
        raise DataError("Truth and prediction must have instances", got=f"none for {sample.id}")
    if (sample.types is None) != (prediction.types is None):
        only = "the prediction" if sample.types is None else "the truth"
        raise DataError("Truth and prediction must both have classes, or neither", got=f"{sample.id}: only {only} has")
    true, true_types = without_ignored(sample.instances, classes_of(sample.instances, sample.types), sample.ignore)
    found_types = classes_of(prediction.instances, prediction.types)
    pred, pred_types = without_ignored(prediction.instances, found_types, sample.ignore)
    table = overlap(true, pred)
    scores = score_table(table)
    radius = matching_radius(sample.mpp)
    counts = type_counts(true, true_types, pred, pred_types, n_classes=n_classes, radius_px=radius)
    types = true_types[table.true_ids - 1], pred_types[table.pred_ids - 1]
    row: dict[str, object] = {"tissue": sample.tissue}
    row |= {name: float(getattr(scores, name)) for name in (*IMAGE_VALUES, *POOLED)}
    row |= _pixels(sample, prediction, true, pred)
    row |= _surfaces(true, pred)
    row["types"] = [int(count) for count in counts]
    row["classes"] = class_counts(table, *types, n_classes).ravel().tolist()
    for name, of_side in zip(("true_counts", "pred_counts"), types, strict=True):
        row[name] = np.bincount(of_side, minlength=n_classes + 1)[1:].tolist()
    return row


def _pixels(
    sample: Sample, prediction: Prediction, true: Int32[np.ndarray, "h w"], pred: Int32[np.ndarray, "h w"]
) -> dict[str, object]:
    """Return the scores of the foreground before nuclei were separated; that of the nuclei if it is not known.

    `true` and `pred` are the instance maps without ignored nuclei, which are removed from the foreground as well.
    """
    from metrics.pixels import pixel_scores

    found = pred > 0
    if prediction.foreground is not None and prediction.instances is not None:
        found = prediction.foreground & ~((prediction.instances > 0) & ~found)
        if sample.ignore is not None:
            found &= ~sample.ignore
    scores = pixel_scores(true > 0, found)
    return {name: getattr(scores, field) for name, field in PIXELS.items()}


def _surfaces(true: Int32[np.ndarray, "h w"], pred: Int32[np.ndarray, "h w"]) -> dict[str, object]:
    """Return HD95 of the foregrounds in both definitions, in pixels, and whether exactly one of them is empty."""
    from metrics.surface import hausdorff_by_definition

    found = hausdorff_by_definition(true > 0, pred > 0)
    values: dict[str, object] = {name: found[definition].value for name, definition in SURFACES.items()}
    return values | {"one_empty": found["max"].one_empty}


def nuclei_scores(classes: Sequence[str]) -> Iterator[Score]:
    """Yield the scores of the nucleus track: all metrics of instance and type maps in `metrics.table`.

    Without classes, those of classes have the reason why there is no number.
    """
    from metrics import instances, multiclass, types
    from metrics.groups import Statistic

    def pooled(sums: Float64[np.ndarray, "... 4"]) -> Float64[np.ndarray, "... 1"]:
        return instances.pooled_weight(sums)[..., None]

    for name in (*IMAGE_VALUES, *PIXELS):
        yield mean_score(f"{name}/image", partial(number, name=name))
    yield Score("dq/pooled", "", _pooled, Statistic(instances.pooled_dq, pooled))
    yield Score("sq/pooled", "", _pooled, Statistic(instances.pooled_sq, lambda sums: sums[..., :1]))
    yield Score("pq/pooled", "", _pooled, Statistic(instances.pooled_pq, pooled))
    for name in SURFACES:
        yield mean_score(f"{name}/image", partial(number, name=name), remark=_one_empty)
    unknown = "" if classes else NO_CLASSES
    for place, (metric, function) in enumerate(
        (
            ("f_d", types.detection_f1),
            ("precision_d", types.detection_precision),
            ("recall_d", types.detection_recall),
            ("acc", types.type_accuracy),
        )
    ):
        found = Score(metric, "", _types, Statistic(function, partial(_detected, place=place)))
        yield found if metric != "acc" else _unless(unknown, found)
    yield mean_score("bpq/image", _bpq)
    yield _unless(unknown, mean_score("mpq/image", _mpq))
    by_tissue = Score("mpq/tissue", "", _tissues, Statistic(_mean_of_tissues, _of_tissues), missing=_without_tissue)
    yield _unless(unknown, by_tissue)
    of_classes = Statistic(
        lambda sums: multiclass.mpq_plus(_by_class(sums)), lambda sums: instances.pooled_weight(_by_class(sums))
    )
    yield _unless(unknown, Score("mpq_plus", "", _classes, of_classes))
    for index, name in enumerate(classes or [""]):
        yield from (_unless(unknown, score) for score in _class_scores(index, name))


def _unless(reason: str, score: Score) -> Score:
    """Return a score that has no number if there is a reason against it."""
    return replace(score, missing=lambda statistics: reason) if reason else score


def _class_scores(index: int, name: str) -> Iterator[Score]:
    """Yield the scores of one class of nuclei."""
    from metrics import instances, types
    from metrics.groups import Statistic

    variants: tuple[tuple[str, Any, int, Literal["code", "paper"]], ...] = (
        ("f_type", types.type_f1, 0, "code"),
        ("f_type_paper", types.type_f1, 0, "paper"),
        ("precision_type", types.type_precision, 1, "code"),
        ("recall_type", types.type_recall, 2, "code"),
    )
    for metric, by_class, place, variant in variants:
        function = partial(_of_class, function=partial(by_class, variant=variant), index=index)
        weight = partial(_typed, variant=variant, place=place, index=index)
        yield Score(metric, name, _types, Statistic(function, weight))
    quality = Statistic(
        partial(_pooled_pq_of_class, index=index),
        lambda sums: instances.pooled_weight(_by_class(sums)[..., index, :])[..., None],
    )
    yield Score("pq_class/pooled", name, _classes, quality)
    # R2 is 1 less a ratio of squares: an image with many nuclei of the class weighs much
    counts = Statistic(count_r2_of_sums, lambda sums: sums[..., 2:3])
    yield Score("count_r2", name, partial(_count_statistics, index=index), counts)


def count_r2_of_sums(sums: Float64[np.ndarray, "*batch 4"]) -> Float64[np.ndarray, "*batch"]:
    """Return R2 of counts from summed (1, t, t^2, (t - p)^2) of true and predicted counts; NaN if t is constant."""
    n, total, squares, errors = np.moveaxis(sums, -1, 0)
    # integers, so exact: a constant count gives 0 and not a rounding error
    spread = n * squares - total**2
    share = np.divide(n * errors, spread, out=np.full(spread.shape, np.nan), where=spread > 0)
    return np.asarray(1 - share)


def _pooled(statistics: Statistics) -> Float64[np.ndarray, "n 4"]:
    return np.stack([statistics.numbers(name) for name in POOLED], axis=1)


def _types(statistics: Statistics) -> Float64[np.ndarray, "n k"]:
    return statistics.numbers("types")


def _of_class(sums: Float64[np.ndarray, "... k"], function: Callable[..., Any], index: int) -> np.ndarray:
    values: np.ndarray = function(sums)[..., index]
    return values


def _detected(sums: Float64[np.ndarray, "... k"], place: int) -> Float64[np.ndarray, "... 1"]:
    from metrics.types import detection_denominators

    return detection_denominators(sums)[..., place : place + 1]


def _typed(
    sums: Float64[np.ndarray, "... k"], variant: Literal["code", "paper"], place: int, index: int
) -> Float64[np.ndarray, "... 1"]:
    from metrics.types import type_denominators

    return type_denominators(sums, variant)[..., place, index : index + 1]


def _classes(statistics: Statistics) -> Float64[np.ndarray, "n k"]:
    return statistics.numbers("classes")


def _by_class(sums: Float64[np.ndarray, "... k"]) -> Float64[np.ndarray, "... c 4"]:
    return sums.reshape(*sums.shape[:-1], -1, len(POOLED))


def _pooled_pq_of_class(sums: Float64[np.ndarray, "... k"], index: int) -> Float64[np.ndarray, " ..."]:
    from metrics.instances import pooled_pq

    return pooled_pq(_by_class(sums)[..., index, :])


def _bpq(statistics: Statistics) -> Float64[np.ndarray, " n"]:
    from metrics.multiclass import pq_of_present

    return pq_of_present(_pooled(statistics))


def _mpq(statistics: Statistics) -> Float64[np.ndarray, " n"]:
    from metrics.multiclass import mpq_of_images

    return mpq_of_images(_by_class(_classes(statistics)))


def _tissues(statistics: Statistics) -> Float64[np.ndarray, "n k"]:
    """Return sum and count of mPQ in the columns of an image's tissue, and 0 in those of other tissues."""
    from metrics.groups import mean_statistics

    tissues, values = statistics.column("tissue"), mean_statistics(_mpq(statistics))
    known = sorted({tissue for tissue in tissues.tolist() if tissue is not None})
    columns = [values * (tissues == tissue)[:, None] for tissue in known]
    return np.concatenate(columns, axis=1) if columns else np.zeros((len(values), 2))


def _mean_of_tissues(sums: Float64[np.ndarray, "... k"]) -> Float64[np.ndarray, " ..."]:
    from metrics.groups import mean_of
    from metrics.multiclass import mean_defined

    return mean_defined(mean_of(sums.reshape(*sums.shape[:-1], -1, 2)))


def _of_tissues(sums: Float64[np.ndarray, "... k"]) -> Float64[np.ndarray, "... tissues"]:
    return sums[..., 1::2]


def _without_tissue(statistics: Statistics) -> str:
    return "" if any(tissue is not None for tissue in statistics.column("tissue").tolist()) else NO_TISSUE


def _count_statistics(statistics: Statistics, index: int) -> Float64[np.ndarray, "n 4"]:
    true, pred = (statistics.numbers(name)[:, index] for name in ("true_counts", "pred_counts"))
    return np.stack([np.ones_like(true), true, true**2, (true - pred) ** 2], axis=1)


def _one_empty(statistics: Statistics) -> str:
    n = int(statistics.column("one_empty").sum())
    return f"{n} images with nuclei in only one of truth and prediction count as their diagonal" if n else ""
