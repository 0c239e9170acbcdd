"""`bench score nuclei`: predicted instances against true ones, image by image, with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float64, Int64, UInt8

from bench.contract import Progress
from bench.errors import DataError
from bench.formats.labels import LabelMaps, read_labels
from bench.formats.parallel import ordered_map
from bench.scoring.nuclei_report import NucleiImage, NucleiIntervals, NucleiMetrics, NucleiReport, NucleiSkipped
from bench.scoring.output import LEVEL, Bounds, Number, bounds, number
from bench.scoring.pairing import Pair

if TYPE_CHECKING:
    from metrics.instances import InstanceScores
    from metrics.resampling import Statistic
    from metrics.surface import HausdorffDistance
    from metrics.types import CentroidMatches

MEANS = ("dice", "jaccard", "aji", "aji_plus", "dq", "sq", "pq", "hd95")


class Estimate(NamedTuple):
    """A metric of the whole set and its interval."""

    value: Number
    bounds: Bounds


@dataclass(frozen=True)
class Evidence:
    """All that is kept of one image; its maps are let go."""

    scores: InstanceScores
    hd95: HausdorffDistance
    matches: CentroidMatches
    true_types: UInt8[np.ndarray, " t"] | None
    pred_types: UInt8[np.ndarray, " p"] | None

    @property
    def typed(self) -> bool:
        """Whether both sides have classes."""
        return self.true_types is not None and self.pred_types is not None

    def values(self) -> dict[str, float]:
        """Return the image's own value of each of `MEANS`."""
        return {name: self.hd95.value if name == "hd95" else float(getattr(self.scores, name)) for name in MEANS}


def score_nuclei(
    pairs: Sequence[Pair],
    groups: Sequence[str],
    *,
    mpp: float,
    seed: int,
    classes: Sequence[str] = (),
    progress: Progress | None = None,
) -> NucleiReport:
    """Score pairs of label files.

    Args:
        pairs: the files of each image.
        groups: slide or patient of each, which the intervals resample.
        mpp: micrometres a pixel: nuclei match within 3 micrometres, 12 px at 0.25.
        seed: of the resamples.
        classes: names of classes 1..C; without them C is the largest class found.
        progress: counts the images done.

    Raises:
        DataError: a file is unreadable, a pair differs in size, a class is above C, or a true nucleus has none.
    """
    from metrics.types import matching_radius

    radius = matching_radius(mpp)
    evidence = []
    for item in ordered_map(lambda pair: examine(pair, radius, len(classes)), pairs):
        evidence.append(item)
        if progress is not None:
            progress.advance()
    counts = _counts(evidence, len(classes) or _largest(evidence))
    found = _estimates(evidence, counts, groups, seed)
    return NucleiReport(
        images=len(pairs),
        metrics=NucleiMetrics.model_validate(_nested({name: item.value for name, item in found.items()})),
        skipped=NucleiSkipped(
            both_empty=sum(item.scores.both_empty for item in evidence),
            one_empty_hd95=sum(item.hd95.one_empty for item in evidence),
            untyped_true=sum(item.true_types is None for item in evidence),
            untyped_pred=sum(item.pred_types is None for item in evidence),
        ),
        per_image=[_image(*row) for row in zip(pairs, groups, evidence, counts, strict=True)],
        ci=NucleiIntervals.model_validate(_nested({name: item.bounds for name, item in found.items()})),
    )


def examine(pair: Pair, radius_px: float, n_classes: int = 0) -> Evidence:
    """Read and compare the two files of one image; with `n_classes` above 0 larger classes are refused."""
    from metrics.instances import score_instances
    from metrics.surface import hausdorff
    from metrics.types import centroids, match_centroids

    true, pred = read_labels(pair.true), read_labels(pair.pred)
    if true.instances.shape != pred.instances.shape:
        raise DataError(
            f"expected truth and prediction of one size for {pair.stem!r}: {pair.true} and {pair.pred}",
            got=f"{_size(true)} and {_size(pred)} (height x width)",
            fix="score predictions at the size of the truth; check that rows and columns are not swapped",
        )
    if true.types is not None and not true.types.all():
        got = f"none for {np.count_nonzero(true.types == 0)} of {len(true.types)}"
        fix = "give every nucleus a class, or leave classes out of the file"
        raise DataError(f"expected a class for every true nucleus in {pair.true}", got=got, fix=fix)
    for path, labels in ((pair.true, true), (pair.pred, pred)):
        if n_classes and labels.types is not None and labels.types.max(initial=0) > n_classes:
            got = f"class {labels.types.max()}"
            raise DataError(
                f"expected classes 1..{n_classes} in {path}", got=got, fix="name all classes with --classes"
            )
    return Evidence(
        scores=score_instances(true.instances, pred.instances),
        hd95=hausdorff(true.instances > 0, pred.instances > 0),
        matches=match_centroids(centroids(true.instances), centroids(pred.instances), radius_px),
        true_types=true.types,
        pred_types=pred.types,
    )


def _largest(evidence: Sequence[Evidence]) -> int:
    sides = [types for item in evidence for types in (item.true_types, item.pred_types) if types is not None]
    return max((int(types.max(initial=0)) for types in sides), default=0)


def _counts(evidence: Sequence[Evidence], n_classes: int) -> Int64[np.ndarray, "n k"]:
    """Return the counts of matched nuclei of each image; those of classes mean nothing where a side has none."""
    from metrics.types import matched_counts

    rows = []
    for item in evidence:
        sides = (item.true_types, item.scores.n_true), (item.pred_types, item.scores.n_pred)
        types = [kinds if item.typed and kinds is not None else np.zeros(n, dtype=np.uint8) for kinds, n in sides]
        rows.append(matched_counts(item.matches, types[0], types[1], n_classes))
    return np.stack(rows)


def _estimates(
    evidence: Sequence[Evidence], counts: Int64[np.ndarray, "n k"], groups: Sequence[str], seed: int
) -> dict[str, Estimate]:
    """Return every metric of the whole set with its interval; that of class c is `f_type/c`."""
    from metrics import types
    from metrics.resampling import mean_of, mean_statistics

    labels, values = np.asarray(groups), [item.values() for item in evidence]
    found = {
        name: _estimate(
            mean_statistics(np.array([v[name] for v in values])),
            labels,
            mean_of,
            seed,
            math.inf if name == "hd95" else 1.0,
        )
        for name in MEANS
    }
    pooled = {"f_d": types.detection_f1, "precision": types.detection_precision, "recall": types.detection_recall}
    found |= {name: _estimate(counts, labels, statistic, seed) for name, statistic in pooled.items()}
    typed = np.array([item.typed for item in evidence])
    found["acc"] = _estimate(counts[typed], labels[typed], types.type_accuracy, seed)
    for index in range(types.type_f1(counts).shape[-1]):
        of_class = _class_f1(types.type_f1, index)
        found[f"f_type/{index + 1}"] = _estimate(counts[typed], labels[typed], of_class, seed)
    return found


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Gather the values of classes under `f_type`."""
    plain = {name: value for name, value in values.items() if "/" not in name}
    return {**plain, "f_type": {name.partition("/")[2]: value for name, value in values.items() if "/" in name}}


def _class_f1(statistic: Callable[..., Float64[np.ndarray, "*batch c"]], index: int) -> Statistic:
    return lambda counts: statistic(counts)[..., index]


def _estimate(
    statistics: np.ndarray, groups: np.ndarray, statistic: Statistic, seed: int, largest: float = 1.0
) -> Estimate:
    from metrics.uncertainty import cluster_bootstrap

    if not len(statistics):
        return Estimate(None, None)
    # one stream a metric: all of them resample the same groups
    rng = np.random.default_rng(seed)
    interval = cluster_bootstrap(statistics, groups, statistic, rng=rng, level=LEVEL)
    # summed without groups: their order would show in the last bits
    value = float(statistic(np.asarray(statistics, dtype=np.float64).sum(axis=0)))
    return Estimate(number(value), bounds(interval.low, interval.high, largest))


def _image(pair: Pair, group: str, item: Evidence, counts: Int64[np.ndarray, " k"]) -> NucleiImage:
    tp, fp, fn = (int(count) for count in counts[:3])
    return NucleiImage(
        id=pair.stem,
        group=group,
        n_true=item.scores.n_true,
        n_pred=item.scores.n_pred,
        **{name: number(value) for name, value in item.values().items()},
        tp_d=tp,
        fp_d=fp,
        fn_d=fn,
        typed=item.typed,
    )


def _size(labels: LabelMaps) -> str:
    return "{} x {}".format(*labels.instances.shape)
