"""The whole import: list the images, check them, seal the set and store its name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from bench.contract import Settings
from bench.datasets.card import DatasetCard
from bench.datasets.source import DatasetSource, open_source
from bench.digest import digest, digest_file
from bench.engine.context import Run
from bench.engine.execute import execute
from bench.engine.reporter import Reporter
from bench.engine.step import Place, Step
from bench.engine.store import Store
from bench.errors import ConfigError, SealError
from bench.formats.csv_tables import some
from bench.importing.items import Item, find_items
from bench.importing.seal import seal_items
from bench.importing.store import remember
from bench.registry import names
from bench.synthetic import EVALUATION, TRAINING, SyntheticSet


class ImportRequest(Settings):
    """The request of an import; see `bench import --help`."""

    folder: Path
    dataset: str
    method_name: str
    labels: Path | None = None
    table: Path | None = None
    mpp: float | None = Field(default=None, gt=0)
    rendered_from: Literal["test"] | None = None
    replace: bool = False
    store: Path
    data_root: Path | None = None


def import_set(request: ImportRequest, reporter: Reporter) -> SyntheticSet:
    """Seal a folder of images as a synthetic set of a dataset, and store its name; return the set.

    Raises:
        ConfigError: the name is not valid or is in use, or the dataset is unknown.
        DataError: a file is unreadable, or files do not match each other.
        SealError: an image names a source from which it must not derive.
    """
    _check_name(request.method_name)
    source = open_source(request.dataset, request.data_root)
    card = source.card
    items = find_items(request.folder, request.labels, request.table, card)
    items, allowed = _sources(request, items, source)
    use = TRAINING if request.rendered_from is None else EVALUATION
    mpp = request.mpp or card.mpp
    step = Import(
        place=Place(),
        title=f"{request.method_name}, {len(items)} images",
        items=tuple(items),
        card=card,
        mpp=mpp,
        method=request.method_name,
        use=use,
        allowed=allowed,
    )
    finished = execute(step, Store(request.store), reporter)
    remember(request.store, card.name, request.method_name, finished.path, request.replace)
    return SyntheticSet(finished.path)


def outline_notes(made: SyntheticSet) -> Counter[str]:
    """Return what was repaired, cut off or left out of an imported set's outlines, with the number of times."""
    return sum((Counter(record.recipe.get("outlines", {})) for record in made.metadata), Counter())


@dataclass(frozen=True, kw_only=True, eq=False)
class Import(Step):
    """Seal items as a set; `allowed` are the ids that they may derive from, with their groups."""

    stage: ClassVar[str] = "import"

    items: tuple[Item, ...]
    card: DatasetCard
    mpp: float
    method: str
    use: str
    allowed: Mapping[str, str]

    @property
    def config(self) -> dict[str, object]:
        """Dataset, name, classes, resolution, use, and the properties of each item."""
        return {
            "dataset": self.card.name,
            "method": self.method,
            "classes": [list(self.card.class_names), list(self.card.labels)],
            "mpp": self.mpp,
            "use": self.use,
            "said": [[item.id, item.label, item.caption, item.group, item.source, item.crop] for item in self.items],
            **_tissues(self.items),
        }

    @cached_property
    def inputs(self) -> dict[str, str]:
        """The digest of all files."""
        return {"files": _digest_files(self.items)}

    def run(self, folder: Path, context: Run) -> None:
        """Seal the items."""
        manifest = {
            "method": self.method,
            "variant": "",
            "config": {"imported": True},
            "seed": 0,
            "dataset": self.card.name,
            "parts": {},
            "use": self.use,
        }
        with context.progress("import", len(self.items), unit="image") as progress:
            seal_items(self.items, self.card, self.mpp, self.allowed, manifest, folder, progress)


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", name):
        fix = "use small letters, digits, dots, dashes and underscores, 64 at most"
        raise ConfigError("The name cannot be used in tables and paths", got=repr(name), fix=fix)
    if name in names("methods"):
        raise ConfigError("The name belongs to a method", got=f"{name!r}, a registered method", fix=f"try {name}-mine")


def _sources(request: ImportRequest, items: list[Item], source: DatasetSource) -> tuple[list[Item], dict[str, str]]:
    """Return the items, and the ids from which they may derive; the dataset is read only if an item names a source.

    A rendering of a test mask without a source belongs to the test sample with the same id.
    """
    if request.rendered_from is None:
        if all(item.source is None for item in items):
            return items, {}
        source.locate()
        return items, {name: name for name in source.ids("train")}
    source.locate()
    test = set(source.ids("test"))
    items = [replace(item, source=item.id) if item.source is None and item.id in test else item for item in items]
    lacking = [item.id for item in items if item.source not in test]
    if lacking:
        raise SealError(
            "A rendering of a test mask does not name its test sample",
            got=some(lacking),
            fix="give --table with file_name,source (and y,x of a window), in which source is an id of the test split",
        )
    return items, {name: name for name in test}


def _tissues(items: Sequence[Item]) -> dict[str, object]:
    """Return the tissues of items; empty if none is given, so that these sets keep their keys."""
    tissues = [item.tissue for item in items]
    return {"tissues": tissues} if any(tissues) else {}


def _digest_files(items: Sequence[Item]) -> str:
    digests = {path: digest_file(path) for path in {item.labels for item in items if item.labels is not None}}
    return digest(
        [[digest_file(item.image)] + ([] if item.labels is None else [digests[item.labels]]) for item in items]
    )
