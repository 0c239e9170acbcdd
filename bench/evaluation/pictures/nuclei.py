"""Pictures of predicted nuclei, and the confusion of their classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int32, Int64, UInt8

from bench.contract import Dataset, Prediction, Sample
from bench.evaluation.base import Measured
from bench.evaluation.ignored import classes_of, without_ignored
from bench.evaluation.pictures.arms import subjects, tested
from bench.evaluation.pictures.choice import around, busiest_window, evenly, spread, worth
from bench.evaluation.pictures.shown import TILE, Labels, Shown, labels_of, place, said_of_nuclei, share
from bench.evaluation.predictions import Compared
from bench.evaluation.statistics import Statistics
from bench.formats.parallel import ordered_map
from bench.results.evidence import BACKGROUND, Confusion
from bench.stages.patches import cut_rectangle
from bench.stages.predict import read_prediction

TILES, CROP = 4, 256
PAIRS, EXAMPLES = 4, 6
CONTEXT_UM = 20.0
"""Side in micrometres of the picture of a nucleus."""


class Paired(NamedTuple):
    """True and predicted class of every nucleus, 0 for one that is missed or invented, with the place of true ones.

    `ids` are the instances of the truth, 0 for invented nuclei, and `centres` their (y, x).
    """

    true: Int64[np.ndarray, " n"]
    pred: Int64[np.ndarray, " n"]
    ids: Int64[np.ndarray, " n"]
    centres: Float64[np.ndarray, "n 2"]


def predictions(measured: Sequence[Measured]) -> Iterator[Shown]:
    """Yield test tiles with their labels, and with what the first network of each arm predicts under the first seed."""
    shown = [(each, one) for each in tested(measured) if (one := first_compared(each.evidence)) is not None]
    if not shown:
        return
    test = shown[0][0].trial.bench.data["test"]
    info = test.info
    for index in spread([worth(record.nuclei, info.rare) for record in test.records], TILES):
        tile = test[index]
        y, x, height, width = busiest_window(tile, CROP, info.rare)
        part = cut_rectangle(tile, y, x, height, width)
        row = tile.id if (height, width) == tile.image.shape[:2] else place(tile.id, y, x)
        alt = f"Test tile {row} with {said_of_nuclei(labels_of(part), info.classes)}."
        yield _of_window(row, "truth", part, alt)
        for each, one in shown:
            found = cut_rectangle(_as_predicted(tile, _prediction(one, index)), y, x, height, width)
            quality = Statistics(one.statistics.path).numbers("pq")[index]
            title, network = each.trial.arm.title, one.tested.network
            said = said_of_nuclei(labels_of(found), info.classes)
            alt = f"The same tile with what {network} trained on {title} predicts: {said}."
            yield _of_window(row, title, found, alt, f"PQ of the tile {share(float(quality))}")


def _of_window(row: str, column: str, part: Sample, alt: str, note: str = "") -> Shown:
    labels = labels_of(part)
    return Shown(
        gallery="predictions", row=row, column=column, image=part.image, alt=alt, labels=labels, note=note, longest=TILE
    )


def confused(measured: Sequence[Measured]) -> Iterator[Shown]:
    """Yield nuclei of the classes that the first network of the main arm confuses most often, under the first seed."""
    arm = next((each for each in subjects(measured) if each.evidence), None)
    one = None if arm is None else first_compared(arm.evidence)
    if arm is None or one is None:
        return
    test = arm.trial.bench.data["test"]
    if not test.info.classes:
        return
    seen = [pair(test[index], _prediction(one, index)) for index in range(len(test))]
    counts: Counter[tuple[int, int]] = Counter()
    for pairs in seen:
        counts.update(zip(pairs.true.tolist(), pairs.pred.tolist(), strict=True))
    between = [(-n, both) for both, n in counts.items() if 0 not in both and both[0] != both[1]]
    for _, (true, pred) in sorted(between)[:PAIRS]:
        places = [
            (index, int(at))
            for index, pairs in enumerate(seen)
            for at in np.flatnonzero((pairs.true == true) & (pairs.pred == pred))
        ]
        for index, at in evenly(places, EXAMPLES):
            yield _example(test, index, seen[index], at, arm.trial.arm.title, one.tested.network)


def _example(test: Dataset, index: int, pairs: Paired, at: int, title: str, network: str) -> Shown:
    info, tile = test.info, test[index]
    true, pred = (info.classes[kinds[at] - 1] for kinds in (pairs.true, pairs.pred))
    y, x, height, width = around(pairs.centres[at], round(CONTEXT_UM / info.mpp), tile.image.shape)
    inside = (slice(y, y + height), slice(x, x + width))
    instances, _ = _counted(tile.instances, tile.types, tile)
    return Shown(
        gallery="confusions",
        row=f"{true} taken for {pred}",
        column=title,
        image=tile.image[inside],
        labels=Labels((instances[inside] == pairs.ids[at]).astype(np.int32), np.array([pairs.true[at]], np.uint8)),
        alt=f"A nucleus of class {true} in {tile.id}, which {network} trained on {title} takes for {pred}.",
        note=tile.id,
    )


def confusion_matrices(measured: Sequence[Measured], threads: int) -> Iterator[Confusion]:
    """Yield the confusion of classes of every arm and network, summed over seeds; nuclei are paired as F_d does."""
    arms = [(each.trial.arm.title, list(each.evidence or ())) for each in measured if not each.reason]
    asked: list[tuple[tuple[str, str], Compared]] = [
        ((title, one.tested.network), one) for title, of_arm in arms for one in of_arm
    ]
    if not asked:
        return
    test = measured[0].trial.bench.data["test"]
    if not test.info.classes:
        return
    names = (BACKGROUND, *test.info.classes)
    sums = {key: np.zeros((len(names), len(names)), np.int64) for key, _ in asked}
    of_tile = partial(_of_tile, test, [one for _, one in asked], len(names))
    for counted in ordered_map(of_tile, range(len(test)), threads):
        for (key, _), counts in zip(asked, counted, strict=True):
            sums[key] += counts
    for (title, network), counts in sums.items():
        rows = tuple(tuple(row) for row in counts.tolist())
        yield Confusion(arm=title, downstream=network, classes=names, counts=rows)


def _of_tile(test: Dataset, asked: Sequence[Compared], n: int, index: int) -> list[Int64[np.ndarray, "n n"]]:
    tile = test[index]
    return [confusion(pair(tile, _prediction(one, index)), n) for one in asked]


def confusion(pairs: Paired, n: int) -> Int64[np.ndarray, "n n"]:
    """Return the number of nuclei by true (row) and predicted class, 0 for a missed or invented nucleus."""
    counts = np.zeros((n, n), np.int64)
    np.add.at(counts, (pairs.true, pairs.pred), 1)
    counts[0, 0] = 0  # invented, and of no class
    return counts


def pair(sample: Sample, prediction: Prediction) -> Paired:
    """Pair true and predicted nuclei by their centroids, as the detection score does."""
    from metrics.types import centroids, match_centroids, matching_radius

    true, true_types = _counted(sample.instances, sample.types, sample)
    found, found_types = _counted(prediction.instances, prediction.types, sample)
    where = centroids(true)
    matches = match_centroids(where, centroids(found), matching_radius(sample.mpp))
    missed, invented = matches.unmatched_true, matches.unmatched_pred
    rows, nowhere = np.concatenate([matches.pairs[:, 0], missed]), np.zeros(len(invented), np.int64)
    seen = [found_types[matches.pairs[:, 1]], np.zeros(len(missed), np.int64), found_types[invented]]
    return Paired(
        true=np.concatenate([true_types[rows], nowhere]),
        pred=np.concatenate(seen).astype(np.int64),
        ids=np.concatenate([rows + 1, nowhere]),
        centres=np.concatenate([where[rows][:, ::-1], np.zeros((len(invented), 2))]),
    )


def first_compared(evidence: Sequence[Compared] | None) -> Compared | None:
    """Return what the run's first network predicts under the first seeds."""
    return next(iter(evidence or ()), None)


def _counted(
    instances: Int32[np.ndarray, "h w"] | None, types: UInt8[np.ndarray, " n"] | None, sample: Sample
) -> tuple[Int32[np.ndarray, "h w"], UInt8[np.ndarray, " n"]]:
    assert instances is not None
    return without_ignored(instances, classes_of(instances, types), sample.ignore)


def _prediction(one: Compared, index: int) -> Prediction:
    return read_prediction(one.tested.predictions.path / f"{index:05d}.npz")


def _as_predicted(tile: Sample, prediction: Prediction) -> Sample:
    return replace(tile, instances=prediction.instances, types=prediction.types, ignore=None)
