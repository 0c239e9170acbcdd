"""Pictures of the images that are nearest to training patches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bench.contract import Dataset
from bench.engine.step import Finished
from bench.evaluation.base import Measured
from bench.evaluation.distances.features import patch_named, read_features
from bench.evaluation.distances.memory import together
from bench.evaluation.pictures.shown import Shown
from bench.synthetic import SyntheticSet

MOST, FEWEST = 12, 4
QUANTILE = 0.05
"""Share of test patches that are as near to a training patch as a suspected copy; that of `copy_rate`."""


class Memory(NamedTuple):
    """A set and the features that tell whether it holds copies: of its images, of training and of test patches.

    `behind` are training patches that the set derives from, if any are known.
    """

    set: SyntheticSet
    train: Dataset
    encoder: str
    made: Finished
    real: Finished
    behind: Finished | None
    unseen: Finished


def nearest_to_training(each: Measured, memory: Memory) -> Iterator[Shown]:
    """Yield suspected copies, each with the training patch that is nearest in the features of an encoder.

    The nearest image comes first. Without any, the nearest images are shown.
    """
    from metrics.nearest_neighbours import nearest

    parts = [read_features(part.path) for part in (memory.real, memory.behind) if part is not None]
    train, made, unseen = together(parts), read_features(memory.made.path), read_features(memory.unseen.path)
    index, squared = nearest(made.values, train.values)
    apart = np.sqrt(squared)
    limit = float(np.sqrt(np.quantile(nearest(unseen.values, train.values)[1], QUANTILE)))
    suspected = int((apart <= limit).sum())
    places = {name: place for place, name in enumerate(memory.set.ids)}
    title = each.trial.arm.title
    for at in np.argsort(apart, kind="stable")[: min(MOST, max(FEWEST, suspected))].tolist():
        image, patch = made.names[at], train.names[int(index[at])]
        distance = float(apart[at])
        verdict = "suspected copy" if distance <= limit else "not suspected"
        row = f"{title}: {image}"
        note = f"{verdict}: at distance {distance:.3g}; {QUANTILE:.0%} of test patches are within {limit:.3g}"
        alt = f"Image {image} of {title}, at a distance of {distance:.3g} from the nearest training patch: {verdict}."
        made_image = memory.set.image(places[image])
        yield Shown(gallery="copies", row=row, column=title, image=made_image, alt=alt, note=note, value=distance)
        alt = f"The training patch that is nearest to this image in the features of {memory.encoder}: {patch}."
        real, column = patch_named(memory.train, patch), "nearest training patch"
        yield Shown(gallery="copies", row=row, column=column, image=real, alt=alt, note=patch, value=distance)
