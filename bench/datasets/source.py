"""The sources of datasets (entry-point group `bench.datasets`): their protocol, and how they find their files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from bench.contract import Sample
from bench.datasets.card import DatasetCard, GroupKind, is_path, load_card
from bench.datasets.looks import Look
from bench.errors import ConfigError, MissingError
from bench.formats.labels.plausible import Survey
from bench.paths import is_folder
from bench.registry import load, names
from bench.track import track_of

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Finding:
    """A problem found by verification; `file` is relative to the dataset's folder, or a split or tile."""

    severity: Severity
    file: str
    message: str


@dataclass(frozen=True)
class Tally:
    """The content of one tile.

    `counts` are nuclei by class id as stored, before any merging; nuclei without classes are counted under
    `bench.datasets.card.NO_CLASS`. `survey` says what the instance map looks like.
    """

    id: str
    group: str
    shape: tuple[int, int] | None
    counts: Mapping[int, int] = field(default_factory=dict)
    label: int | None = None
    findings: tuple[Finding, ...] = ()
    look: Look | None = None
    survey: Survey | None = None


class DatasetSource(Protocol):
    """A reader of a dataset as it was published. `TileSource` implements all but `locate`, `ids` and `read`.

    Nothing is opened before a method is called. Samples come at native resolution, in canonical form: RGB,
    ids exactly 1..n, one class per instance, classes merged.
    """

    card: DatasetCard
    root: Path | None

    def __init__(self, card: DatasetCard, root: Path | None) -> None: ...

    @property
    def group_kind(self) -> GroupKind:
        """What a group of samples is.

        Raises:
            ConfigError: neither the card nor the reader says it.
        """
        ...

    def locate(self) -> Path:
        """Return the dataset's folder.

        Raises:
            MissingError: it is not there; the fix says where to put it, how to get it, and what runs without it.
        """
        ...

    def files(self) -> list[Path]:
        """Return every file that the data depends on."""
        ...

    def fingerprint(self) -> dict[str, Any]:
        """Return JSON that changes whenever the content may have changed; no file is read."""
        ...

    def splits(self) -> tuple[str, ...]:
        """Return the names of the splits: `train`, `test`, and `fresh` if more real tiles can be drawn."""
        ...

    def ids(self, split: str) -> Sequence[str]:
        """Return the sample ids of a split, in order, without reading a tile."""
        ...

    def read(self, split: str, index: int) -> Sample:
        """Read one tile.

        Raises:
            DataError: a file is unreadable or not valid.
        """
        ...

    def image_file(self, split: str, index: int) -> Path | None:
        """Return the file that holds the image of a tile and nothing else; None if there is no such file."""
        ...

    def samples(self, split: str, places: Sequence[int] | None = None) -> Iterator[Sample]:
        """Read the tiles of a split, in order; only those at `places` if they are given."""
        ...

    def notes(self) -> dict[str, Any]:
        """Return notes about the data for the record of a run."""
        ...

    def left_out(self, split: str) -> int:
        """Return the number of published tiles that are left out of the split on purpose."""
        ...

    def layout_findings(self, split: str) -> list[Finding]:
        """Return problems of the files of a split that their names show."""
        ...

    def inspect(self, split: str, index: int) -> Tally:
        """Read one tile and return its problems instead of raising an error."""
        ...

    def settle(self, split: str, counts: Mapping[int, int]) -> dict[int, int]:
        """Return a split's nuclei by class id of the card, given those by class id as stored.

        Raises:
            DataError: the ids do not fit the card, or it cannot be decided whether they are merged.
        """
        ...


def open_source(name: str, root: Path | None) -> DatasetSource:
    """Return the source of a dataset; nothing is read yet.

    Args:
        name: a dataset that ships a card, or the path of a card.
        root: the folder that holds datasets; None for the folder of a card that is given by its path.

    Raises:
        ConfigError: there is no such dataset or card, or the card belongs to a generic source.
    """
    card = load_card(name)
    if card.generic:
        raise ConfigError(
            f"{card.name!r} is a source, not a dataset",
            got="a source that reads many datasets",
            fix=f"write a card with `source: {card.name}` like those in examples/cards; {card.how_to_get}",
        )
    if is_path(name) and root is None:
        root = Path(name).expanduser().absolute().parent
    return source_of(card, root)


def source_of(card: DatasetCard, root: Path | None) -> DatasetSource:
    """Return the source that a card names, reading below a data root.

    Raises:
        ConfigError: the card does not say what reads its files or what a group is, or has a key that the reader does
            not know.
    """
    reader = card.source or card.name
    if reader not in names("datasets"):
        raise ConfigError(
            f"The card of the dataset {card.name!r} does not say what reads its files",
            got="no `source`",
            fix=f"add `source: NAME`, one of: {', '.join(names('datasets'))}",
        )
    source: DatasetSource = load("datasets", reader)(card, root)
    source.group_kind  # noqa: B018  # refuses a card that does not say it
    return source


def find_folder(root: Path | None, names: Sequence[str], holds: Callable[[Path], bool]) -> Path | None:
    """Return the first folder that holds the dataset: `root/<name>`, else `root` itself, else None."""
    if root is None:
        return None
    candidates = [*(root / name for name in names), root]
    return next((folder for folder in candidates if is_folder(folder) and holds(folder)), None)


def missing(card: DatasetCard, root: Path | None) -> MissingError:
    """Return the error of a missing dataset: where to put it, how to get it, and what runs without it."""
    place = f"{root or 'DATA_ROOT'}/{card.folders[0] if card.folders else card.name}"
    got = "no --data-root" if root is None else f"no such files under {root}"
    give = "" if root is not None else ", and give the folder above it as --data-root DATA_ROOT"
    meanwhile = f"--dataset {track_of(card).phantom}"
    return MissingError(
        f"{card.title} is not at {place}/{card.pattern}",
        got=got,
        fix=f"put it at {place}/{card.pattern}{give}; to get it: {card.how_to_get}; "
        f"meanwhile, {meanwhile} runs without any download",
    )
