"""What a pipeline is asked to draw: label maps of training windows, captions, classes, or nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from bench.contract import Condition, Dataset, SampleRecord
from bench.errors import DataError
from methods.class_conditions import SEED_LIMIT, class_conditions
from methods.diffusers_folder.config import DiffusersFolderConfig
from methods.patches import Tiles, crop_labels, grid_crops, labels_of, require_nuclei


def plan_conditions(
    config: DiffusersFolderConfig,
    data: Mapping[str, Dataset],
    n: int,
    rng: np.random.Generator,
    recipe: Mapping[str, Any],
) -> Iterator[Condition]:
    """Plan `n` conditions with the labels that the images show, and no others.

    Masks are those of windows of training tiles, spread evenly; classes have equally many images; captions are each
    used equally often. The caption of a mask is that of its own tile, unless captions come from other data.

    Raises:
        DataError: the data lack the labels.
    """
    train, shown = data["train"], frozenset[str](config.conditions)
    texts = _Captions(data[config.captions], config.captions, rng) if "text" in shown else None
    if "mask" in shown:
        found = _masks(config, train, n, rng, recipe)
        own = config.captions == "train"
    else:
        found = class_conditions(train, n, rng, recipe) if "class" in shown else _blank(n, rng, recipe, shown)
        own = False
    for condition in found:
        if texts is None:
            yield dataclasses.replace(condition, caption=None)
        elif own:
            yield texts.require(condition)
        else:
            yield texts.add(condition)


def _masks(
    config: DiffusersFolderConfig, train: Dataset, n: int, rng: np.random.Generator, recipe: Mapping[str, Any]
) -> Iterator[Condition]:
    require_nuclei(train)
    tiles, with_class = Tiles(train), "class" in config.conditions
    for number, crop in enumerate(grid_crops(train, config.patch_size, n, rng, count=config.grid)):
        sample = tiles[train.ids[crop.tile]]
        if with_class and sample.label is None:
            raise DataError(f"The tile {sample.id} has no class, which the images must show", got="no label")
        least = config.min_area(sample.mpp)
        instances, types = crop_labels(*labels_of(sample), crop.y, crop.x, config.patch_size, min_area=least)
        yield Condition(
            id=f"mask-{number:05d}",
            kind="copy",
            seed=int(rng.integers(SEED_LIMIT)),
            instances=instances,
            types=types,
            label=sample.label if with_class else None,
            caption=sample.caption,
            tissue=sample.tissue,
            sources={"train": sample.id},
            crop=(crop.y, crop.x),
            recipe=dict(recipe),
        )


def _blank(n: int, rng: np.random.Generator, recipe: Mapping[str, Any], shown: frozenset[str]) -> Iterator[Condition]:
    kind = "caption" if "text" in shown else "unconditional"
    for number in range(n):
        seed = int(rng.integers(SEED_LIMIT))
        yield Condition(id=f"{kind}-{number:05d}", kind=kind, seed=seed, recipe=dict(recipe))


class _Captions:
    """Captions of one role of the data; each is used equally often, in random order."""

    def __init__(self, dataset: Dataset, role: str, rng: np.random.Generator) -> None:
        self._dataset, self._role, self._rng = dataset, role, rng
        self._records = [record for record in dataset.records if record.caption]
        self._left: dict[int | None, list[SampleRecord]] = {}
        if not self._records:
            raise self._lacking("a dataset without captions")

    def add(self, condition: Condition) -> Condition:
        """Return a condition with the next caption; if captions are the classes' own, with one of its class."""
        label = condition.label if self._role == "train" else None
        left = self._left.setdefault(label, [])
        if not left:
            fitting = [record for record in self._records if label is None or record.label == label]
            if not fitting:
                raise self._lacking(f"a class without captions: {self._dataset.info.labels[label or 0]}")
            left += [fitting[place] for place in self._rng.permutation(len(fitting))]
        record = left.pop()
        return dataclasses.replace(
            condition,
            caption=record.caption,
            tissue=condition.tissue or record.tissue,
            sources={**condition.sources, self._role: record.id},
        )

    def require(self, condition: Condition) -> Condition:
        """Return a condition that has the caption of its own tile."""
        if not condition.caption:
            raise self._lacking(f"no caption of the tile {condition.sources['train']}")
        return condition

    def _lacking(self, got: str) -> DataError:
        return DataError(
            f"The dataset {self._dataset.info.name} lacks captions that the images must show",
            got=got,
            fix="take captions of another dataset, --set method.captions=text --data text=NAME; or show no text, with "
            "a constant --set method.prompt=... and --set method.conditions=[...]",
        )
