"""What a dataset's source is (entry-point group `bench.datasets`), how one is opened, and where its files lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from bench.contract import Sample
from bench.datasets.card import DatasetCard, is_path, load_card
from bench.errors import ConfigError, MissingError
from bench.registry import load
from bench.track import track_of

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Finding:
    """Something that verification met; `file` is relative to the dataset's folder, or a split or tile."""

    severity: Severity
    file: str
    message: str


class Look(NamedTuple):
    """What an image looks like from afar: a 64-bit perceptual hash, and whether there is next to nothing on it."""

    code: int
    flat: bool


@dataclass(frozen=True)
class Tally:
    """What one tile holds. `counts` are nuclei by class id as stored, before any merging."""

    id: str
    group: str
    shape: tuple[int, int] | None
    counts: Mapping[int, int] = field(default_factory=dict)
    label: int | None = None
    findings: tuple[Finding, ...] = ()
    look: Look | None = None


class DatasetSource(Protocol):
    """Reads a dataset as it was published. `TileSource` implements all but `locate`, `ids` and `read`.

    Nothing is opened before a method is called. Samples come at native resolution, in canonical form: RGB,
    ids exactly 1..n, one class an instance, classes merged.
    """

    card: DatasetCard
    root: Path | None

    def __init__(self, card: DatasetCard, root: Path | None) -> None: ...

    def locate(self) -> Path:
        """Return the dataset's folder.

        Raises:
            MissingError: it is not there; says where it must lie, how to get it, what runs meanwhile.
        """
        ...

    def files(self) -> list[Path]:
        """List every file that the data depends on."""
        ...

    def fingerprint(self) -> dict[str, Any]:
        """Return JSON that changes whenever content might; cheap, no file is read."""
        ...

    def splits(self) -> tuple[str, ...]:
        """List the splits: `train`, `test`, and `fresh` where new real tiles can be had."""
        ...

    def ids(self, split: str) -> Sequence[str]:
        """List the sample ids of a split, in order, without reading a tile."""
        ...

    def read(self, split: str, index: int) -> Sample:
        """Read one tile.

        Raises:
            DataError: a file is unreadable or odd; the message names it.
        """
        ...

    def samples(self, split: str) -> Iterator[Sample]:
        """Read the tiles of a split, in order."""
        ...

    def notes(self) -> dict[str, Any]:
        """Return what was found out about the data and belongs into the record of a run."""
        ...

    def left_out(self, split: str) -> int:
        """Count the tiles that published counts hold and that are no samples of the split, on purpose."""
        ...

    def layout_findings(self, split: str) -> list[Finding]:
        """List what is odd about the files of a split, judged by their names alone."""
        ...

    def inspect(self, split: str, index: int) -> Tally:
        """Read one tile and list what is wrong with it, rather than raising."""
        ...

    def settle(self, split: str, counts: Mapping[int, int]) -> dict[int, int]:
        """Turn a split's nuclei by class id as stored into nuclei by class id of the card.

        Raises:
            DataError: the ids do not fit the card, or it cannot be told whether they were merged.
        """
        ...


def open_source(name: str, root: Path | None) -> DatasetSource:
    """Return the source of a dataset; nothing is read yet.

    Args:
        name: a dataset that ships a card, or the path of a card of one's own.
        root: the folder that holds datasets; for a card of one's own the card's folder where it is None.

    Raises:
        ConfigError: no such dataset or card, or the card is one of a generic source.
    """
    card = load_card(name)
    if card.generic:
        raise ConfigError(
            f"expected a dataset, or the card of one of your own that names `source: {card.name}`",
            got=f"{card.name!r}, which reads many datasets",
            fix=f"write a card as `bench list datasets` and examples/cards show; {card.how_to_get}",
        )
    if is_path(name) and root is None:
        root = Path(name).expanduser().absolute().parent
    return source_of(card, root)


def source_of(card: DatasetCard, root: Path | None) -> DatasetSource:
    """Return the source that a card names, over a data root."""
    source: DatasetSource = load("datasets", card.source or card.name)(card, root)
    return source


def find_folder(root: Path | None, names: Sequence[str], holds: Callable[[Path], bool]) -> Path | None:
    """Return the first folder that holds the dataset: `root/<name>`, else `root` itself, else None."""
    if root is None:
        return None
    candidates = [*(root / name for name in names), root]
    return next((folder for folder in candidates if folder.is_dir() and holds(folder)), None)


def missing(card: DatasetCard, root: Path | None) -> MissingError:
    """Say that a dataset is not there: where it must lie, how to get it, what can be run meanwhile."""
    place = f"{root or 'DATA_ROOT'}/{card.folders[0] if card.folders else card.name}"
    got = "no data root" if root is None else f"no such files under {root}"
    give = "" if root is not None else ", and give the folder above it as --data-root DATA_ROOT"
    meanwhile = f"--dataset {track_of(card).phantom}"
    return MissingError(
        f"expected {card.title} at {place}/{card.pattern}",
        got=got,
        fix=f"put it at {place}/{card.pattern}{give}; to get it: {card.how_to_get}; "
        f"meanwhile, {meanwhile} runs without any download",
    )
