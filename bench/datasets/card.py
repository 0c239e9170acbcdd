"""A dataset's card: everything known of it before a file is opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from bench.config.files import card_path, read_yaml
from bench.config.validate import build
from bench.contract import Settings, Task
from bench.errors import ConfigError
from bench.registry import point

MergeSetting = Literal["auto", "raw", "merged"]


class SplitCounts(Settings):
    """Published size of one split: its tiles, and its nuclei by class name."""

    tiles: int = Field(ge=0)
    nuclei: Mapping[str, int] = {}


class DatasetCard(Settings):
    """What is known of a dataset; read from `configs/datasets/<name>.yaml`.

    `classes` maps nucleus class ids 1..C to names, `labels` lists image-level classes in id order. `merging`
    maps every class id that the files hold before merging to its id after it; empty where nothing is merged.
    `classes_merged` says which of the two the files hold; `auto` finds out. `expected` are the published
    counts. `pattern` is where files lie inside the dataset's folder, in one line; `layout` the same as a
    tree. `extra` belongs to the source that reads the card.
    """

    name: str
    title: str
    task: Task
    organ: str
    magnification: float = Field(gt=0)
    mpp: float = Field(gt=0)
    classes: Mapping[int, str] = {}
    labels: tuple[str, ...] = ()
    rare: tuple[int, ...] = ()
    merging: Mapping[int, int] = {}
    raw_classes: Mapping[int, str] = {}
    classes_merged: MergeSetting = "auto"
    splits: tuple[str, ...]
    expected: Mapping[str, SplitCounts] = {}
    citation: str
    licence: str
    how_to_get: str
    pattern: str = ""
    layout: str
    traps: tuple[str, ...] = ()
    default_preset: str = "paper"
    default_downstream: str
    extra: Mapping[str, Any] = {}

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of nucleus classes 1..C, in order."""
        return tuple(self.classes[index] for index in sorted(self.classes))

    def content(self) -> dict[str, Any]:
        """Return the fields that canonical samples depend on, as JSON values."""
        fields = {
            "name",
            "task",
            "organ",
            "mpp",
            "classes",
            "labels",
            "rare",
            "merging",
            "classes_merged",
            "extra",
        }
        return self.model_dump(mode="json", include=fields)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if sorted(self.classes) != list(range(1, len(self.classes) + 1)):
            raise ValueError(f"class ids must be 1..C without gaps, got {sorted(self.classes)}")
        if odd_ids := (set(self.merging.values()) | set(self.rare)) - set(self.classes):
            raise ValueError(f"`merging` and `rare` name class ids that `classes` lacks: {sorted(odd_ids)}")
        for split, counts in self.expected.items():
            if split not in self.splits:
                raise ValueError(f"`expected` names the split {split!r}, which `splits` lacks")
            if odd := set(counts.nuclei) - set(self.classes.values()):
                raise ValueError(f"`expected` counts classes that `classes` lacks: {sorted(odd)}")
        return self


def read_card(path: Path) -> DatasetCard:
    """Read a card from a file; its `name` defaults to the file's stem.

    Raises:
        ConfigError: the file is unreadable, or a key or value does not fit.
    """
    return build(DatasetCard, {"name": path.stem, **read_yaml(path)}, f"the dataset card {path}")


def load_card(name: str) -> DatasetCard:
    """Read the card of a registered dataset.

    Raises:
        ConfigError: no such dataset (the nearest name is suggested), or it ships no card.
    """
    path = card_path("datasets", name)
    if path is None:
        where = f"configs/datasets/{name}.yaml beside or inside the package of {point('datasets', name).value}"
        raise ConfigError(f"expected a card for the dataset {name!r}", got="no such file", fix=f"add {where}")
    return read_card(path)
