"""`bench score nuclei`: predicted instances against true ones, image by image, with intervals.

Statistics and scores are those of the evaluation `nuclei`; evaluations of other packages are run too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8

from bench.contract import DatasetInfo, Prediction, Progress, Sample
from bench.errors import BenchError, DataError
from bench.evaluation.predictions import PredictionEvaluation
from bench.evaluation.registered import prediction_evaluation
from bench.evaluation.statistics import Statistics, columns_of
from bench.formats.labels import LabelMaps
from bench.formats.parallel import ordered_map
from bench.scoring.estimates import Estimate, estimates
from bench.scoring.further import further, further_evaluations, kept
from bench.scoring.label_pairs import Scheme, read_pair, scheme_of
from bench.scoring.nuclei_report import (
    NucleiImage,
    NucleiIntervals,
    NucleiMetrics,
    NucleiOutlines,
    NucleiReport,
    NucleiSkipped,
)
from bench.scoring.output import number
from bench.scoring.pairing import Pair

EVALUATION = "nuclei"
# The report's names for scores of the evaluation, each a metric and a class.
_MEANS = {name: (f"{name}/image", "") for name in ("dice", "jaccard", "aji", "aji_plus", "dq", "sq", "pq", "hd95")}
_POOLED = {"f_d": ("f_d", ""), "precision": ("precision_d", ""), "recall": ("recall_d", "")}


class Examined(NamedTuple):
    """The data kept of one image, without its maps.

    `ours` are the statistics of the evaluation `nuclei`; those that need classes have no meaning if a side has none.
    `others` are those of the evaluations of other packages, or why there are none. The notes count what was changed
    or left out of outlines.
    """

    ours: Mapping[str, Any]
    true_typed: bool
    pred_typed: bool
    others: Sequence[Mapping[str, Any] | BenchError]
    true_notes: Mapping[str, int]
    pred_notes: Mapping[str, int]

    @property
    def typed(self) -> bool:
        """Whether both sides have classes."""
        return self.true_typed and self.pred_typed

    @property
    def n_true(self) -> int:
        """Number of true nuclei."""
        return int(self.ours["tp"] + self.ours["fn"])

    @property
    def n_pred(self) -> int:
        """Number of predicted nuclei."""
        return int(self.ours["tp"] + self.ours["fp"])


def score_nuclei(
    pairs: Sequence[Pair],
    groups: Sequence[str],
    *,
    mpp: float,
    classes: Sequence[str] = (),
    progress: Progress | None = None,
) -> NucleiReport:
    """Return the scores of pairs of label files.

    Args:
        pairs: the files of each image.
        groups: slide or patient of each, which the intervals are over.
        mpp: micrometres per pixel: nuclei match within 3 micrometres, 12 px at 0.25.
        classes: names of classes 1..C; without them the names in the files, or 1 to the largest number.
        progress: counts the images done.

    Raises:
        DataError: a file is unreadable, a pair differs in size, a class is above C, or a true nucleus has none.
    """
    scheme = scheme_of(pairs, classes)
    names = scheme.classes
    # pairs without classes are scored as if all of their nuclei were of class 1
    info = DatasetInfo("files", "test", "nuclei", names or ("1",), (), mpp)
    ours, others = prediction_evaluation(EVALUATION), further_evaluations(info, EVALUATION)
    examined = []
    for item in ordered_map(lambda each: examine(*each, scheme, info, ours, others), zip(pairs, groups, strict=True)):
        examined.append(item)
        if progress is not None:
            progress.advance()
    found = _estimates(ours, examined, info, len(names))
    return NucleiReport(
        images=len(pairs),
        metrics=NucleiMetrics.model_validate(_nested({name: item.value for name, item in found.items()})),
        skipped=NucleiSkipped(
            both_empty=sum(item.n_true + item.n_pred == 0 for item in examined),
            one_empty_hd95=sum(item.ours["one_empty"] for item in examined),
            untyped_true=sum(not item.true_typed for item in examined),
            untyped_pred=sum(not item.pred_typed for item in examined),
        ),
        per_image=[_image(item) for item in examined],
        ci=NucleiIntervals.model_validate(_nested({name: item.bounds for name, item in found.items()})),
        more=further(others, [item.others for item in examined], info),
        classes=list(names) if scheme.named else [],
        outlines=NucleiOutlines(
            true=_total([item.true_notes for item in examined]), pred=_total([item.pred_notes for item in examined])
        ),
    )


def examine(
    pair: Pair,
    group: str,
    scheme: Scheme,
    info: DatasetInfo,
    ours: PredictionEvaluation,
    others: Sequence[PredictionEvaluation] = (),
) -> Examined:
    """Read and compare the two files of one image."""
    true, pred = read_pair(pair, scheme)
    _check(pair, true, pred, len(info.classes))
    sample = Sample(pair.stem, np.zeros((0, 0, 3), np.uint8), group, info.mpp, true.instances, true.types)
    prediction = Prediction(pred.instances, pred.types)
    typed = true.types is not None and pred.types is not None
    as_typed = (
        (sample, prediction) if typed else (replace(sample, types=_ones(true)), replace(prediction, types=_ones(pred)))
    )
    return Examined(
        {"id": pair.stem, "group": group, **ours.image(*as_typed, info)},
        true.types is not None,
        pred.types is not None,
        [kept(other, sample, prediction, info) for other in others],
        true.notes,
        pred.notes,
    )


def _check(pair: Pair, true: LabelMaps, pred: LabelMaps, n_classes: int) -> None:
    if true.instances.shape != pred.instances.shape:
        raise DataError(
            f"Truth and prediction of {pair.stem!r} differ in size: {pair.true} and {pair.pred}",
            got=f"{_size(true)} and {_size(pred)} (height x width)",
            fix="write predictions at the size of the truth, and check that rows and columns are not swapped",
        )
    if true.types is not None and not true.types.all():
        got = f"no class for {np.count_nonzero(true.types == 0)} of {len(true.types)}"
        fix = "give every nucleus a class, or leave classes out of the file"
        raise DataError(f"A true nucleus in {pair.true} has no class", got=got, fix=fix)
    for path, labels in ((pair.true, true), (pair.pred, pred)):
        if _highest(labels) > n_classes:
            raise DataError(
                f"The classes in {path} are not in 1..{n_classes}",
                got=f"class {_highest(labels)}",
                fix="give all classes with --classes",
            )


def _total(notes: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Return the sums of remarks over images, in alphabetical order."""
    return dict(sorted(sum(map(Counter, notes), Counter[str]()).items()))


def _highest(labels: LabelMaps) -> int:
    return 0 if labels.types is None else int(labels.types.max(initial=0))


def _ones(labels: LabelMaps) -> UInt8[np.ndarray, " n"]:
    return np.ones(labels.instances.max(initial=0), np.uint8)


def _estimates(
    ours: PredictionEvaluation, examined: Sequence[Examined], info: DatasetInfo, n_classes: int
) -> dict[str, Estimate]:
    """Return every metric of the report with its interval; that of class c is `f_type/c`."""
    by_class = {f"f_type/{index + 1}": ("f_type", info.classes[index]) for index in range(n_classes)}
    typed = [item for item in examined if item.typed]
    return {
        **_of(ours, {**_MEANS, **_POOLED}, examined, info),
        **_of(ours, {"acc": ("acc", ""), **by_class}, typed, info),
    }


def _of(
    ours: PredictionEvaluation,
    wanted: Mapping[str, tuple[str, str]],
    examined: Sequence[Examined],
    info: DatasetInfo,
) -> dict[str, Estimate]:
    """Return some scores, each a metric and a class, of some images."""
    if not examined:
        return dict.fromkeys(wanted, Estimate(None, None))
    statistics = Statistics(columns_of([item.ours for item in examined]))
    chosen = [score for score in ours.scores(info) if (score.metric, score.class_) in wanted.values()]
    found = estimates(ours, chosen, statistics)
    return {name: found[score] for name, score in wanted.items()}


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with those of classes gathered under `f_type`."""
    plain = {name: value for name, value in values.items() if "/" not in name}
    return {**plain, "f_type": {name.partition("/")[2]: value for name, value in values.items() if "/" in name}}


def _image(item: Examined) -> NucleiImage:
    tp, fp, fn, *_ = item.ours["types"]
    return NucleiImage(
        id=item.ours["id"],
        group=item.ours["group"],
        n_true=item.n_true,
        n_pred=item.n_pred,
        **{name: number(item.ours[name]) for name in _MEANS},
        tp_d=tp,
        fp_d=fp,
        fn_d=fn,
        typed=item.typed,
    )


def _size(labels: LabelMaps) -> str:
    return "{} x {}".format(*labels.instances.shape)
