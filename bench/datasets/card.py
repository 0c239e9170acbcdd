"""A dataset's card: everything known of it before a file is opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from bench.config.files import merge, plugin_folders, read_yaml
from bench.config.validate import build
from bench.contract import Settings, Task
from bench.datasets.splits.division import Division
from bench.datasets.splits.few_labels import Labelled
from bench.errors import ConfigError
from bench.registry import names, point, unknown
from bench.track import track_of

MergeSetting = Literal["auto", "raw", "merged"]


class SplitCounts(Settings):
    """Published size of one split: its tiles, its nuclei by class name, its images by label name."""

    tiles: int = Field(ge=0)
    nuclei: Mapping[str, int] = {}
    labels: Mapping[str, int] = {}


class DatasetCard(Settings):
    """What is known of a dataset; read from `configs/datasets/<name>.yaml`, or from any file of a user's own.

    `source` is the entry point that reads the files (the card's own name by default), `folders` are the names that
    the dataset's folder may have below the data root. `divide` cuts a dataset without official splits in two, and
    `labelled` leaves labels to a part of the training split alone. `generic` marks the card of a source that reads
    many datasets: it explains, and a dataset of one's own takes a card that names the source.

    `classes` maps nucleus class ids 1..C to names, `labels` lists image-level classes in id order. `merging`
    maps every class id that the files hold before merging to its id after it; empty where nothing is merged.
    `classes_merged` says which of the two the files hold; `auto` finds out. `expected` are the published
    counts. `pattern` is where files lie inside the dataset's folder, in one line; `layout` the same as a
    tree. `extra` belongs to the source that reads the card.
    """

    name: str
    title: str
    source: str = ""
    folders: tuple[str, ...] = ()
    generic: bool = False
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
    divide: Division | None = None
    labelled: Labelled | None = None
    expected: Mapping[str, SplitCounts] = {}
    citation: str
    licence: str
    how_to_get: str
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
        """The networks that are tested unless a run names others; none where no network is made for such a dataset."""
        named = self.default_downstream
        return tuple(filter(None, (named,) if isinstance(named, str) else named))

    def content(self) -> dict[str, Any]:
        """Return the fields that canonical samples depend on, as JSON values."""
        fields = {
            "name",
            "source",
            "task",
            "divide",
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
        suggested = track_of(self).networks
        if suggested and not self.networks and not self.generic:
            raise ValueError(f"`default_downstream` must name a network for this task, such as {suggested[0]}")
        if odd_ids := (set(self.merging.values()) | set(self.rare)) - set(self.classes):
            raise ValueError(f"`merging` and `rare` name class ids that `classes` lacks: {sorted(odd_ids)}")
        for split, counts in self.expected.items():
            if split not in self.splits:
                raise ValueError(f"`expected` names the split {split!r}, which `splits` lacks")
            if odd := set(counts.nuclei) - set(self.classes.values()):
                raise ValueError(f"`expected` counts classes that `classes` lacks: {sorted(odd)}")
            if odd := set(counts.labels) - set(self.labels):
                raise ValueError(f"`expected` counts labels that `labels` lacks: {sorted(odd)}")
        return self


def read_card(path: Path) -> DatasetCard:
    """Read a card from a file; `name` defaults to the file's stem, `source` to the name.

    A card may `extends: name` another one that ships: its own keys win.

    Raises:
        ConfigError: the file is unreadable, or a key or value does not fit.
    """
    values = {"name": path.stem, **read_yaml(path)}
    values.setdefault("source", values["name"])
    return build(DatasetCard, _extended(values, (path.stem,)), f"the dataset card {path}")


def load_card(name: str) -> DatasetCard:
    """Read the card of a dataset: its name, or the path of a card of one's own.

    Raises:
        ConfigError: no such dataset (the nearest name is suggested), or a registered source that ships no card.
    """
    if is_path(name):
        return _own_card(Path(name).expanduser())
    return read_card(_shipped(name))


def is_path(name: str) -> bool:
    """Say whether a dataset is named by the path of its card rather than by name."""
    return name.endswith((".yaml", ".yml")) or "/" in name or "\\" in name


def card_names() -> tuple[str, ...]:
    """List the datasets that ship a card, ours and those of plugins, sorted."""
    return tuple(sorted({path.stem for path in _shipped_files()}))


def _own_card(path: Path) -> DatasetCard:
    if not path.is_file():
        fix = f"name one of: {', '.join(card_names())}; or write a card like those in examples/cards"
        raise ConfigError("expected a dataset's card", got=f"no file at {path}", fix=fix)
    card = read_card(path)
    if card.name in card_names() and path.resolve() != _shipped(card.name).resolve():
        got = f"{card.name!r}, which is taken"
        raise ConfigError(f"expected a name of its own in {path}", got=got, fix="add `name: something-else`")
    return card


def _extended(values: dict[str, Any], above: tuple[str, ...]) -> dict[str, Any]:
    base = values.pop("extends", None)
    if base is None:
        return values
    if base in above:
        raise ConfigError("expected cards that extend one another in a line", got=" -> ".join([*above, base]))
    below = {"source": base, **read_yaml(_shipped(str(base)))}
    return merge(_extended(below, (*above, base)), {key: v for key, v in values.items() if key != "source"})


def _shipped(name: str) -> Path:
    for path in _shipped_files():
        if path.stem == name:
            return path
    if name not in names("datasets"):
        raise unknown("dataset", name, card_names())
    where = f"configs/datasets/{name}.yaml beside or inside the package of {point('datasets', name).value}"
    raise ConfigError(f"expected a card for the dataset {name!r}", got="no such file", fix=f"add {where}")


def _shipped_files() -> Iterator[Path]:
    for configs in dict.fromkeys(folders for name in names("datasets") for folders in plugin_folders("datasets", name)):
        yield from sorted((configs / "datasets").glob("*.yaml"))
