"""Real images with the labels of other patches, which must hurt."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterator, Mapping, Sequence

import numpy as np

from bench.contract import Condition, Dataset
from bench.errors import DataError
from bench.track import track_of
from methods.controls.real import Copy
from methods.patches import Tiles, require_nuclei


class ShuffledLabels(Copy):
    """Training patches, each with the label map of another patch."""

    conditions = frozenset({"mask", "class"})

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Draw windows; labels come from half the list further on, which is another tile if there are two."""
        train = data["train"]
        by_class = track_of(train.info).label == "class"
        if not by_class:
            require_nuclei(train)
        crops = [crop for _, crop in self.windows(train, max(n, 2), rng)]
        tiles, others = Tiles(train), Tiles(train)
        # the exchanged labels must differ: if the class is the only label, the partner has another class
        kinds: list[Hashable] = list(crops)
        if by_class:
            records = train.records
            kinds = [records[crop.tile].label for crop in crops]
        for number, crop in enumerate(crops[:n]):
            other = crops[partner(kinds, number)]
            labels = self.condition("shuffled", number, others[train.ids[other.tile]], other)
            recipe = {"labels": labels.sources["train"], "labels_crop": [other.y, other.x]}
            image = tiles[train.ids[crop.tile]]
            # if the class is the only label, the classes are exchanged
            label = labels.label if by_class else image.label
            yield dataclasses.replace(
                labels,
                sources={"train": image.id},
                crop=(crop.y, crop.x),
                caption=image.caption,
                tissue=image.tissue,
                label=label,
                recipe=recipe,
            )


def partner(kinds: Sequence[Hashable], number: int) -> int:
    """Return the place of the first window of another kind, starting half the list further on.

    Raises:
        DataError: all windows are of one kind.
    """
    start = number + len(kinds) // 2
    for step in range(len(kinds)):
        other = (start + step) % len(kinds)
        if kinds[other] != kinds[number]:
            return other
    raise DataError(
        "There must be at least two different windows to exchange labels between",
        got=f"{len(kinds)} equal windows",
        fix="use a smaller patch size or a finer grid: --set method.patch_size=... or --set method.grid=...",
    )
