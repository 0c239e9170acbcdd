"""The evaluations of other packages on files of nuclei, in addition to our own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.contract import DatasetInfo, Prediction, Sample
from bench.errors import BenchError
from bench.evaluation.predictions import PredictionEvaluation
from bench.evaluation.registered import evaluations
from bench.evaluation.statistics import Statistics, columns_of
from bench.scoring.estimates import Estimate, estimates
from bench.scoring.nuclei_report import FurtherMetric

Kept = Mapping[str, Any] | BenchError


def further_evaluations(info: DatasetInfo, ours: str) -> list[PredictionEvaluation]:
    """Return the evaluations of predictions that accept this data, except our own."""
    return [one for one in evaluations(info) if isinstance(one, PredictionEvaluation) and one.name != ours]


def kept(evaluation: PredictionEvaluation, sample: Sample, prediction: Prediction, info: DatasetInfo) -> Kept:
    """Return the statistics of one image, or why it cannot be scored (such as missing classes)."""
    try:
        return {"id": sample.id, "group": sample.group, **evaluation.image(sample, prediction, info)}
    except BenchError as error:
        return error


def further(
    evaluations: Sequence[PredictionEvaluation], images: Sequence[Sequence[Kept]], info: DatasetInfo
) -> dict[str, FurtherMetric]:
    """Return every metric of every evaluation; metrics of classes are named `metric[class]`."""
    found: dict[str, FurtherMetric] = {}
    for index, evaluation in enumerate(evaluations):
        for name, estimate in _of(evaluation, [image[index] for image in images], info):
            found[name] = FurtherMetric(value=estimate.value, ci=estimate.bounds, reason=estimate.reason)
    return found


def _of(evaluation: PredictionEvaluation, images: Sequence[Kept], info: DatasetInfo) -> Iterator[tuple[str, Estimate]]:
    scores = list(evaluation.scores(info))
    names = [f"{score.metric}[{score.class_}]" if score.class_ else score.metric for score in scores]
    rows = [row for row in images if not isinstance(row, BenchError)]
    refused = next((row for row in images if isinstance(row, BenchError)), None)
    if refused is not None:
        yield from ((name, Estimate(None, None, str(refused))) for name in names)
        return
    yield from zip(names, estimates(evaluation, scores, Statistics(columns_of(rows))).values(), strict=True)
