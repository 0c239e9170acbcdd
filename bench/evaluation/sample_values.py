"""The score of each test image, of the networks of all runs in a store."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.contract import DatasetInfo
from bench.engine.store import DOCUMENT
from bench.evaluation.predictions import Evaluate, PredictionEvaluation
from bench.evaluation.registered import prediction_evaluation
from bench.evaluation.statistics import STATISTICS, Statistics
from bench.registry import names
from bench.results.artefacts import Artefact
from bench.results.document import RunDocument


class OfSample(NamedTuple):
    """The row that an image is part of, and its id."""

    dataset: str
    preset: str
    method: str
    variant: str
    downstream: str
    metric: str
    class_: str
    sample: str


def sample_values(store: Path, documents: Iterable[RunDocument]) -> dict[tuple[str, ...], float]:
    """Return the main scores of each image by :class:`OfSample`, mean over seeds and folds.

    Of runs with the same arm and network, the newest counts. There is no value of a score that is undefined for an
    image or is computed from the whole test set only, nor of images whose statistics the store does not have any more.

    Args:
        store: the store.
        documents: those of its runs, oldest first.
    """
    outputs: dict[tuple[str, ...], list[Artefact]] = {}
    for document in documents:
        outputs |= _outputs(document)
    values: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for (dataset, preset, *_), artefacts in outputs.items():
        for one in artefacts:
            folder = store / one.folder
            if one.evaluation in names("evaluations") and (folder / STATISTICS).exists():
                for metric, class_, sample, value in _values(prediction_evaluation(one.evaluation), folder):
                    row = OfSample(dataset, preset, one.method, one.variant, one.network, metric, class_, sample)
                    values[row].append(value)
    return {key: statistics.fmean(found) for key, found in values.items()}


def _outputs(document: RunDocument) -> dict[tuple[str, ...], list[Artefact]]:
    """Return the statistics of predictions by what the rows made from them say, except metric and class."""
    found: dict[tuple[str, ...], list[Artefact]] = defaultdict(list)
    for one in document.artefacts:
        if one.kind == "statistics" and one.stage == Evaluate.stage:
            key = (document.dataset, document.preset, one.method, one.variant, one.network, one.evaluation)
            found[key].append(one)
    return found


def _values(evaluation: PredictionEvaluation, folder: Path) -> Iterator[tuple[str, str, str, float]]:
    """Yield (metric, class, id, value) of the main scores of one network."""
    read = Statistics(folder)
    main = {metric.id for metric in evaluation.metrics if metric.main}
    for score in evaluation.scores(_info(folder)):
        if score.metric in main and score.whole is None and not score.missing(read):
            with np.errstate(invalid="ignore", divide="ignore"):
                numbers = score.statistic(score.read(read))
            for sample, value in zip(read.ids, numbers, strict=True):
                if np.isfinite(value):
                    yield score.metric, score.class_, sample, float(value)


def _info(folder: Path) -> DatasetInfo:
    """Return what the statistics in a folder say about their dataset."""
    config = json.loads((folder / DOCUMENT).read_text(encoding="utf-8"))["config"]
    classes, labels = tuple(config.get("classes", ())), tuple(config.get("labels", ()))
    return DatasetInfo("", "test", "nuclei" if classes else "tissue", classes, labels, float(config.get("mpp", 1.0)))
