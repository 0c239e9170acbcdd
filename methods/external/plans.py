"""What an external program is asked to show: plans of other methods, and classes alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.contract import Condition, Dataset
from bench.errors import DataError
from methods.controls.real import Copy
from methods.diffmix import DiffMix, DiffMixConfig
from methods.external.config import ExternalConfig
from methods.patches import PatchSettings
from methods.sdm.config import NetworkSettings

# what every program's random generators take: numpy's old one ends here
SEED_LIMIT = 2**32
_BALANCING_SHARE = {"balancing": 1.0, "enlarging": 0.0}


def conditions(config: ExternalConfig, train: Dataset, n: int, rng: np.random.Generator) -> Iterator[Condition]:
    """Plan `n` conditions.

    `copy`: label maps of training windows as they are. `balancing`, `enlarging`, `diffmix`: DiffMix's changed maps.
    `classes`: image-level labels alone, each class as often as any other, in turn.

    Raises:
        DataError: the dataset has not the labels that the plan shows.
    """
    if config.plan == "classes":
        yield from _classes(train, n, rng)
    elif config.plan == "copy":
        windows = Copy(PatchSettings(**{name: getattr(config, name) for name in PatchSettings.model_fields}))
        for number, (sample, crop) in enumerate(windows.windows(train, n, rng)):
            yield windows.condition("copy", number, sample, crop, seed=int(rng.integers(SEED_LIMIT)))
    else:
        yield from _ChangedMaps(_changed(config)).plan({"train": train}, n, rng)


class _ChangedMaps(DiffMix):
    """DiffMix's label maps; how the images are sampled is the program's affair."""

    def recipe(self) -> dict[str, Any]:
        return {}


def _changed(config: ExternalConfig) -> DiffMixConfig:
    shared = {name: getattr(config, name) for name in PatchSettings.model_fields}
    return DiffMixConfig(
        **shared,
        balancing=_BALANCING_SHARE.get(config.plan, config.balancing),
        mixing=config.mixing,
        enlarging=config.enlarging,
        network=NetworkSettings(multipliers=(1,)),  # never built: one level, so that any patch size fits it
    )


def _classes(train: Dataset, n: int, rng: np.random.Generator) -> Iterator[Condition]:
    labels = train.info.labels
    if not labels:
        raise DataError(
            f"expected image-level classes in {train.info.name}",
            got=f"task {train.info.task}",
            fix="choose a tissue dataset, or --set method.plan=copy",
        )
    for number in range(n):
        yield Condition(
            id=f"class-{number:05d}",
            kind="class",
            seed=int(rng.integers(SEED_LIMIT)),
            label=number % len(labels),
        )
