"""A dataset's card: everything known about it before a file is opened."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from bench.config.files import merge, plugin_folders, read_yaml
from bench.config.lines import Lines
from bench.config.validate import build
from bench.contract import Settings, Task
from bench.datasets.splits.division import Division
from bench.datasets.splits.few_labels import Labelled
from bench.datasets.splits.protocol import Protocol
from bench.errors import ConfigError
from bench.harmless import acting
from bench.paths import is_file
from bench.registry import names, point, unknown
from bench.track import track_of
from bench.weight_cards import PublishedFile

MergeSetting = Literal["auto", "raw", "merged"]
GroupKind = Literal["slide", "patient", "article", "tile", "patch"]
INDEPENDENT = ("slide", "patient")
"""Kinds of groups that are about independent; intervals over others may be too narrow."""
LONGEST_NAME = 120
"""Bytes of a dataset's name, which names folders and is a part of the names of files."""
NO_CLASS, ALL_NUCLEI = 0, "all"
"""The class id and the name under which nuclei are counted in a dataset whose nuclei have no classes."""


class SplitCounts(Settings):
    """Published size of one split: its tiles, its nuclei by class name, its images by label name.

    In a dataset whose nuclei have no classes, `nuclei` gives their number as `all`.
    """

    tiles: int = Field(ge=0)
    nuclei: Mapping[str, int] = {}
    labels: Mapping[str, int] = {}


class DatasetCard(Settings):
    """Everything known about a dataset; read from `configs/datasets/<name>.yaml`, or from any file of the same form.

    `source` is the entry point that reads the files (the card's own name by default), `folders` are the names that
    the dataset's folder may have below the data root. `divide` cuts a dataset without official splits in two, and
    `labelled` keeps the labels of only a part of the training split. `protocols` are named divisions, such as folds.
    `groups` says what a group of samples is; if the card does not say it, its reader does. `group_map` names the slide
    or patient of each tile where the files do not: a mapping, or a CSV file `tile,group` in the dataset's folder.
    `generic` marks the card of a source that reads many datasets: it only explains the source, and your own dataset
    needs a card that names the source. `captions` says that samples of another task than "text" have captions, too.

    `classes` maps nucleus class ids 1..C to names; without any, networks learn to segment only. `labels` lists
    image-level classes in id order. `merging` maps every class id that the files hold before merging to its id after
    it; empty where nothing is merged.
    `classes_merged` says which of the two the files hold; `auto` finds out. `expected` are the published
    counts, `side` the side of its samples in pixels, by which suites are planned. `pattern` is where files are inside
    the dataset's folder, in one line; `layout` the same as a tree. `download` are the archives that anybody may fetch,
    which are unpacked into the dataset's folder. `extra` belongs to the source that reads the card.
    """

    name: str
    title: str
    source: str = ""
    folders: tuple[str, ...] = ()
    generic: bool = False
    captions: bool = False
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
    splits: tuple[str, ...] = ("train", "test")
    groups: GroupKind | None = None
    group_map: str | Mapping[str, str] | None = None
    divide: Division | None = None
    labelled: Labelled | None = None
    protocols: Mapping[str, Protocol] = {}
    expected: Mapping[str, SplitCounts] = {}
    side: int | None = Field(default=None, gt=0)
    citation: str
    licence: str
    how_to_get: str
    download: tuple[PublishedFile, ...] = ()
    pattern: str = ""
    layout: str
    traps: tuple[str, ...] = ()
    default_preset: str = "paper"
    default_downstream: str | tuple[str, ...] = ""
    extra: Mapping[str, Any] = {}

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of nucleus classes 1..C, in order."""
        return tuple(self.classes[index] for index in sorted(self.classes))

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks that are tested unless a run names others; empty if no network is made for this task."""
        named = self.default_downstream
        return tuple(filter(None, (named,) if isinstance(named, str) else named))

    @property
    def captioned(self) -> bool:
        """Whether its samples have captions."""
        return self.captions or self.task == "text"

    def content(self) -> dict[str, Any]:
        """Return the fields that canonical samples depend on, as JSON values."""
        fields = {
            "name",
            "source",
            "task",
            "divide",
            "groups",
            "group_map",
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

    @field_validator("name")
    @classmethod
    def _names_folders(cls, value: str) -> str:
        if not value.strip(".") or len(value.encode()) > LONGEST_NAME or not re.fullmatch(r"[^/\\\x00-\x1f]+", value):
            raise ValueError(f"the name is also one of folders: at most {LONGEST_NAME} bytes, without / and \\")
        return value

    @field_validator("name", "title", "organ", "splits", "classes", "labels", "raw_classes")
    @classmethod
    def _names_are_shown(cls, value: Any) -> Any:
        named = value.values() if isinstance(value, Mapping) else (value,) if isinstance(value, str) else value
        for name in named:
            if found := acting(name):
                raise ValueError(f"remove the control character {found}: names are shown on terminals and in tables")
        return value

    @field_validator("source")
    @classmethod
    def _source_is_known(cls, value: str, info: ValidationInfo) -> str:
        # a card without a source has its own name there: `source_of` says that it lacks one
        if value not in ("", info.data.get("name"), *names("datasets")):
            raise ValueError(unknown("source", value, names("datasets")).fix)
        return value

    @field_validator("protocols", mode="before")
    @classmethod
    def _none_inherited(cls, value: Any) -> Any:
        return {} if value is None else value

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if sorted(self.classes) != list(range(1, len(self.classes) + 1)):
            raise ValueError(f"class ids must be 1..C without gaps, got {sorted(self.classes)}")
        suggested = track_of(self).networks
        if suggested and not self.networks and not self.generic:
            raise ValueError(f"`default_downstream` must name a network for this task, such as {suggested[0]}")
        if odd_ids := (set(self.merging.values()) | set(self.rare)) - set(self.classes):
            raise ValueError(f"`merging` and `rare` name class ids that `classes` lacks: {sorted(odd_ids)}")
        if self.group_map is not None and self.groups not in INDEPENDENT:
            raise ValueError(
                "a card with `group_map` must say what its groups are: `groups: slide` or `groups: patient`"
            )
        for split, counts in self.expected.items():
            if split not in self.splits:
                raise ValueError(f"`expected` names the split {split!r}, which `splits` lacks")
            if odd := set(counts.nuclei) - (set(self.classes.values()) or {ALL_NUCLEI}):
                raise ValueError(f"`expected` counts classes that `classes` lacks: {sorted(odd)}")
            if odd := set(counts.labels) - set(self.labels):
                raise ValueError(f"`expected` counts labels that `labels` lacks: {sorted(odd)}")
        return self


def read_card(path: Path) -> DatasetCard:
    """Return the card in a file; `name` defaults to the file's stem, `source` to the name.

    A card may extend another one that ships (`extends: name`): its own keys win.

    Raises:
        ConfigError: the file cannot be read, or a key or value is not valid.
    """
    values = {"name": path.stem, **read_yaml(path)}
    values.setdefault("source", values["name"])
    return build(DatasetCard, _extended(values, (path.stem,)), f"the dataset card {path}", Lines(path))


def load_card(name: str) -> DatasetCard:
    """Return the card of a dataset, given by name or by the path of a card.

    Raises:
        ConfigError: there is no such dataset (the nearest name is suggested), or its source ships no card.
    """
    if is_path(name):
        return _own_card(Path(name).expanduser())
    return read_card(_shipped(name))


def is_path(name: str) -> bool:
    """Return whether a dataset is given by the path of its card instead of its name."""
    return name.endswith((".yaml", ".yml")) or "/" in name or "\\" in name


def card_names() -> tuple[str, ...]:
    """Return the names of the datasets that ship a card, ours and those of plugins, sorted."""
    return tuple(sorted({path.stem for path in _shipped_files()}))


def _own_card(path: Path) -> DatasetCard:
    if not is_file(path):
        fix = f"give one of these names: {', '.join(card_names())}; or write a card like those in examples/cards"
        raise ConfigError("The dataset's card does not exist", got=f"no file at {path}", fix=fix)
    card = read_card(path)
    if card.name in card_names() and path.resolve() != _shipped(card.name).resolve():
        got = f"{card.name!r}, the name of another dataset"
        raise ConfigError(f"The dataset in {path} needs another name", got=got, fix="add `name:` with another name")
    return card


def _extended(values: dict[str, Any], above: tuple[str, ...]) -> dict[str, Any]:
    base = values.pop("extends", None)
    if base is None:
        return values
    if base in above:
        raise ConfigError("Dataset cards extend each other in a circle", got=" -> ".join([*above, base]))
    below = {"source": base, **read_yaml(_shipped(str(base)))}
    return merge(_extended(below, (*above, base)), {key: v for key, v in values.items() if key != "source"})


def _shipped(name: str) -> Path:
    for path in _shipped_files():
        if path.stem == name:
            return path
    if name not in names("datasets"):
        raise unknown("dataset", name, card_names())
    where = f"configs/datasets/{name}.yaml next to or inside the package of {point('datasets', name).value}"
    raise ConfigError(f"The dataset {name!r} has no card", got="no file of this name", fix=f"add {where}")


def _shipped_files() -> Iterator[Path]:
    for configs in dict.fromkeys(folders for name in names("datasets") for folders in plugin_folders("datasets", name)):
        yield from sorted((configs / "datasets").glob("*.yaml"))
