"""Conditions for methods that draw classes: equally many of each class, each with its own seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from bench.contract import Condition, Dataset
from bench.errors import DataError

# the largest seed that JSON readers represent exactly, whatever number type they use
SEED_LIMIT = 2**53


def class_conditions(
    train: Dataset, n: int, rng: np.random.Generator, recipe: Mapping[str, Any]
) -> Iterator[Condition]:
    """Yield conditions for the classes in turn, so that no class has two images more than another.

    Args:
        train: the training images, of which only the classes are used.
        n: number of conditions.
        rng: draws their seeds.
        recipe: what every condition records.

    Raises:
        DataError: the dataset has no image-level classes.
    """
    require_classes(train)
    classes = len(train.info.labels)
    for number in range(n):
        yield Condition(
            id=f"class-{number:05d}",
            kind="class",
            seed=int(rng.integers(SEED_LIMIT)),
            label=number % classes,
            recipe=dict(recipe),
        )


def require_classes(dataset: Dataset) -> None:
    """Refuse a dataset without image-level classes, before any work starts.

    Raises:
        DataError: the dataset has none.
    """
    if not dataset.info.labels:
        raise DataError(
            f"The dataset {dataset.info.name} has no image-level classes, which this method needs",
            got=f"a dataset for the task {dataset.info.task}",
            fix="choose a tissue dataset, or a method that is conditioned on masks",
        )
