"""Where a dataset lies, and what to say when it is not there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from bench.datasets.card import DatasetCard
from bench.errors import MissingError
from bench.track import track_of


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
