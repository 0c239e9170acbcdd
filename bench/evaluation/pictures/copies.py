"""Pictures of the images that are nearest to training patches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bench.contract import Dataset
from bench.engine.step import Finished
from bench.evaluation.base import Measured
from bench.evaluation.distances.features import Patch, read_features
from bench.evaluation.distances.memory import together
from bench.evaluation.pictures.shown import Shown, place
from bench.synthetic import SyntheticSet

MOST, FEWEST = 12, 4


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
    """Yield what `copy_rate` counts as copies, each with the training patch that is nearest in an encoder's features.

    The nearest image comes first. Without any, the nearest images are shown. Equal images are shown once.
    """
    from metrics.memorisation import different, memorisation

    parts = [read_features(part.path) for part in (memory.real, memory.behind) if part is not None]
    train, made, unseen = together(parts), read_features(memory.made.path), read_features(memory.unseen.path)
    found = memorisation(train.values, made.values, unseen.values)
    once = different(made.values)
    apart, limit = found.distances[once], found.limit
    suspected = int((apart <= limit).sum())
    places = {name: place for place, name in enumerate(memory.set.ids)}
    title = each.trial.arm.title
    for at in once[np.argsort(apart, kind="stable")[: min(MOST, max(FEWEST, suspected))]].tolist():
        image, patch = made.names[at], Patch.named(train.names[int(found.nearest[at])])
        distance = float(found.distances[at])
        verdict = "suspected copy" if distance <= limit else "not suspected"
        row = f"{title}: {image}"
        note = f"{verdict}: at distance {distance:.3g}; {found.quantile:.0%} of test patches are within {limit:.3g}"
        alt = f"Image {image} of {title}, at a distance of {distance:.3g} from the nearest training patch: {verdict}."
        made_image = memory.set.image(places[image])
        yield Shown(gallery="copies", row=row, column=title, image=made_image, alt=alt, note=note, value=distance)
        where = f"{place(patch.sample, patch.y, patch.x)}{', turned or mirrored' if patch.symmetry else ''}"
        alt = f"The training patch that is nearest to this image in the features of {memory.encoder}: {where}."
        real, column = patch.pixels(memory.train), "nearest training patch"
        yield Shown(gallery="copies", row=row, column=column, image=real, alt=alt, note=where, value=distance)
