"""The scores of the nucleus track, from the statistics that `bench.evaluation.nuclei` keeps of each image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64

from bench.evaluation.score import Score, mean_score, number
from bench.evaluation.statistics import Statistics

IMAGE_VALUES = ("dice", "jaccard", "dice_2", "aji", "aji_plus", "dq", "sq", "pq", "f1")
SURFACES: Mapping[str, Literal["max", "concatenated"]] = {"hd95": "max", "hd95_concatenated": "concatenated"}
POOLED = ("tp", "fp", "fn", "sum_iou")
NO_TISSUE = "the dataset does not say of which tissue its images are"


def nuclei_scores(classes: Sequence[str]) -> Iterator[Score]:
    """List the scores of the nucleus track: all that `metrics.table` knows of instance and type maps."""
    from metrics import instances, multiclass, types

    for name in IMAGE_VALUES:
        yield mean_score(f"{name}/image", partial(number, name=name))
    for name, quality in (("dq", instances.pooled_dq), ("sq", instances.pooled_sq), ("pq", instances.pooled_pq)):
        yield Score(f"{name}/pooled", "", _pooled, quality)
    for name in SURFACES:
        yield mean_score(f"{name}/image", partial(number, name=name), remark=_one_empty)
    for metric, function in (
        ("f_d", types.detection_f1),
        ("precision_d", types.detection_precision),
        ("recall_d", types.detection_recall),
        ("acc", types.type_accuracy),
    ):
        yield Score(metric, "", _types, function)
    yield mean_score("bpq/image", _bpq)
    yield mean_score("mpq/image", _mpq)
    yield Score("mpq/tissue", "", _tissues, _mean_of_tissues, missing=_without_tissue)
    yield Score("mpq_plus", "", _classes, lambda sums: multiclass.mpq_plus(_by_class(sums)))
    for index, name in enumerate(classes):
        for metric, by_class in (
            ("f_type", types.type_f1),
            ("f_type_paper", partial(types.type_f1, variant="paper")),
            ("precision_type", types.type_precision),
            ("recall_type", types.type_recall),
        ):
            yield Score(metric, name, _types, partial(_of_class, function=by_class, index=index))
        yield Score("pq_class/pooled", name, _classes, partial(_pooled_pq_of_class, index=index))
        yield Score("count_r2", name, partial(_count_statistics, index=index), count_r2_of_sums)


def count_r2_of_sums(sums: Float64[np.ndarray, "*batch 4"]) -> Float64[np.ndarray, "*batch"]:
    """Return R2 of counts from summed (1, t, t^2, (t - p)^2) of true and predicted counts; NaN where t is constant."""
    n, total, squares, errors = np.moveaxis(sums, -1, 0)
    # whole numbers, so exact: a constant count gives 0, not a rounding error
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
    """Sum and count of mPQ in the columns of an image's tissue, 0 in those of the others."""
    from metrics.uncertainty import mean_statistics

    tissues, values = statistics.column("tissue"), mean_statistics(_mpq(statistics))
    known = sorted({tissue for tissue in tissues.tolist() if tissue is not None})
    columns = [values * (tissues == tissue)[:, None] for tissue in known]
    return np.concatenate(columns, axis=1) if columns else np.zeros((len(values), 2))


def _mean_of_tissues(sums: Float64[np.ndarray, "... k"]) -> Float64[np.ndarray, " ..."]:
    from metrics.multiclass import mean_defined
    from metrics.uncertainty import mean_of

    return mean_defined(mean_of(sums.reshape(*sums.shape[:-1], -1, 2)))


def _without_tissue(statistics: Statistics) -> str:
    return "" if any(tissue is not None for tissue in statistics.column("tissue").tolist()) else NO_TISSUE


def _count_statistics(statistics: Statistics, index: int) -> Float64[np.ndarray, "n 4"]:
    true, pred = (statistics.numbers(name)[:, index] for name in ("true_counts", "pred_counts"))
    return np.stack([np.ones_like(true), true, true**2, (true - pred) ** 2], axis=1)


def _one_empty(statistics: Statistics) -> str:
    n = int(statistics.column("one_empty").sum())
    return f"{n} images with nuclei in truth or prediction alone count as their diagonal" if n else ""
