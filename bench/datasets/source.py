"""What a dataset's source is: the class registered in the entry-point group `bench.datasets`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from bench.contract import Sample
from bench.datasets.card import DatasetCard

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
