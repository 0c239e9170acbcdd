"""Conditions of methods that draw classes: evenly over them, each with a seed of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from bench.contract import Condition, Dataset
from bench.errors import DataError

# a seed that JSON readers keep exactly, whatever number type they use
SEED_LIMIT = 2**53


def class_conditions(
    train: Dataset, n: int, rng: np.random.Generator, recipe: Mapping[str, Any]
) -> Iterator[Condition]:
    """Go round the classes, so that no class has two images more than another.

    Args:
        train: the training images; what they show is not looked at.
        n: how many conditions.
        rng: draws their seeds.
        recipe: what all of them note down.

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
    """Refuse a dataset without image-level classes, before any work.

    Raises:
        DataError: it has none.
    """
    if not dataset.info.labels:
        raise DataError(
            f"expected a dataset of image-level classes, not {dataset.info.name}",
            got=f"task {dataset.info.task}",
            fix="choose a tissue dataset, or a method that is conditioned on masks",
        )
