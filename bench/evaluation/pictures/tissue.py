"""Pictures of images that are taken for another class, and the confusion of classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Int64

from bench.evaluation.base import Measured
from bench.evaluation.pictures.arms import subjects
from bench.evaluation.pictures.choice import evenly
from bench.evaluation.pictures.shown import Shown
from bench.evaluation.predictions import Compared
from bench.evaluation.statistics import Statistics
from bench.results.evidence import Confusion

PAIRS, EXAMPLES = 4, 6


def confused(measured: Sequence[Measured]) -> Iterator[Shown]:
    """Yield images of the classes that the first network of the main arm confuses most often, under the first seed."""
    arm = next((each for each in subjects(measured) if each.evidence), None)
    if arm is None:
        return
    one: Compared = arm.evidence[0]
    test, title = arm.trial.bench.data["test"], arm.trial.arm.title
    of_images = _of_images(one, len(test.info.labels))
    total = of_images.sum(axis=0)
    np.fill_diagonal(total, 0)
    for flat in np.argsort(-total, axis=None, kind="stable")[:PAIRS]:
        true, pred = (int(at) for at in np.unravel_index(flat, total.shape))
        names = test.info.labels[true], test.info.labels[pred]
        for index in evenly(np.flatnonzero(of_images[:, true, pred]).tolist(), EXAMPLES):
            tile = test[index]
            yield Shown(
                gallery="confusions",
                row=f"{names[0]} taken for {names[1]}",
                column=title,
                image=tile.image,
                alt=f"Image {tile.id} of class {names[0]}, which {one.tested.network} trained on {title} "
                f"takes for {names[1]}.",
                note=tile.id,
            )


def confusion_matrices(measured: Sequence[Measured]) -> Iterator[Confusion]:
    """Yield the confusion of classes of every arm and network, summed over seeds."""
    for each in measured:
        if each.reason:
            continue
        names = each.trial.bench.data["test"].info.labels
        for network in dict.fromkeys(one.tested.network for one in each.evidence):
            of_network = [one for one in each.evidence if one.tested.network == network]
            counts = sum(_of_images(one, len(names)).sum(axis=0) for one in of_network)
            rows = tuple(tuple(row) for row in np.asarray(counts).tolist())
            yield Confusion(arm=each.trial.arm.title, downstream=network, classes=names, counts=rows)


def _of_images(one: Compared, n: int) -> Int64[np.ndarray, "images n n"]:
    """Return the confusion matrix of every image."""
    return Statistics(one.statistics.path).numbers("confusion").astype(np.int64).reshape(-1, n, n)
