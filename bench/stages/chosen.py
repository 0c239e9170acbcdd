"""Sets that are made of some images of other sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.contract import Condition, Dataset
from bench.engine.context import Run
from bench.synthetic import TRAINING, SyntheticSet, SyntheticSetWriter

_KEPT = ("method", "method_version", "distribution", "config", "dataset", "dataset_digest", "parts", "versions")


def seal_chosen(
    pools: Sequence[SyntheticSet],
    chosen: Sequence[int],
    ranks: Sequence[int],
    train: Dataset,
    manifest: Mapping[str, Any],
    folder: Path,
    context: Run,
) -> None:
    """Copy images of pools into a set of their own and seal it for training.

    Args:
        pools: the sets to take images from.
        chosen: the images, as rows of all pools one after the other, in the order of the new set.
        ranks: the place of each of them in the order of preference, which its recipe records.
        train: the training split that the pools derive from.
        manifest: what the manifest records in addition to the provenance of the first pool.
        folder: where to write.
        context: the step at work.
    """
    places = [(number, index) for number, pool in enumerate(pools) for index in range(len(pool))]
    writer = SyntheticSetWriter(folder, train.info, dict(zip(train.ids, train.groups, strict=True)))
    with context.progress("select", len(chosen), unit="image") as progress:
        for order, (place, rank) in enumerate(zip(chosen, ranks, strict=True)):
            number, index = places[place]
            condition, image = _taken(pools[number], index, number, rank)
            writer.write(order, condition, image)
            progress.advance()
    provenance = {key: pools[0].manifest.get(key) for key in _KEPT}
    writer.seal(len(chosen), {**provenance, "use": TRAINING, **manifest, "pools": [pool.digest for pool in pools]})


def _taken(pool: SyntheticSet, index: int, number: int, rank: int) -> tuple[Condition, np.ndarray]:
    """Return an image of a pool and its condition in the chosen set."""
    record, sample = pool.metadata[index], pool[index]
    recipe = {**record.recipe, "pool": pool.digest, "rank": rank}
    return record.condition(sample, id=f"pool{number}-{sample.id}", recipe=recipe), sample.image
