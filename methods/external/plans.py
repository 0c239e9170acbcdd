"""What an external program is asked to draw: the plans of other methods, or only classes."""

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

# the upper limit of NumPy's old generator, so that every random generator accepts the seed
SEED_LIMIT = 2**32
_BALANCING_SHARE = {"balancing": 1.0, "enlarging": 0.0}


def conditions(config: ExternalConfig, train: Dataset, n: int, rng: np.random.Generator) -> Iterator[Condition]:
    """Plan `n` conditions.

    `copy` uses the label maps of training windows unchanged. `balancing`, `enlarging` and `diffmix` use DiffMix's
    changed maps. `classes` uses only image-level labels, each class in turn and equally often.

    Raises:
        DataError: the dataset does not have the labels that the plan uses.
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
    """DiffMix's label maps; the program decides how images are sampled."""

    def recipe(self) -> dict[str, Any]:
        return {}


def _changed(config: ExternalConfig) -> DiffMixConfig:
    shared = {name: getattr(config, name) for name in PatchSettings.model_fields}
    return DiffMixConfig(
        **shared,
        balancing=_BALANCING_SHARE.get(config.plan, config.balancing),
        mixing=config.mixing,
        enlarging=config.enlarging,
        network=NetworkSettings(multipliers=(1,)),  # never built; one level accepts any patch size
    )


def _classes(train: Dataset, n: int, rng: np.random.Generator) -> Iterator[Condition]:
    labels = train.info.labels
    if not labels:
        raise DataError(
            f"The dataset {train.info.name} has no image-level classes, which the plan `classes` needs",
            got=f"a dataset for the task {train.info.task}",
            fix="choose a tissue dataset, or use --set method.plan=copy",
        )
    for number in range(n):
        yield Condition(
            id=f"class-{number:05d}",
            kind="class",
            seed=int(rng.integers(SEED_LIMIT)),
            label=number % len(labels),
        )
