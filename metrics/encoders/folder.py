"""Finds a published file in a folder of weights: by its own name, by hub id, or in a copy of the hub's cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

# Names that do not identify the model: in a folder shared by several encoders they could belong to any of them.
_ANYONE = frozenset({"model.safetensors", "pytorch_model.bin"})


def find_file(folder: Path, names: Sequence[str], hub: str, encoder: str) -> Path | None:
    """Return the first of `names` that is found in `folder`, or None.

    Searched in turn: the folder itself, `<encoder>/`, `<org>/<name>/`, `<org>--<name>/`, and the layout of the
    hub's cache, `models--<org>--<name>/snapshots/*/`, with or without `hub/` before it. Nothing is downloaded.

    >>> find_file(Path(__file__).parent / "cards", ["plip.pt", "plip.yaml"], "", "plip").name
    'plip.yaml'
    """
    for home in _homes(folder, hub, encoder):
        for name in names:
            if name in _ANYONE and home == folder and not _belongs(folder, hub, encoder):
                continue
            if (home / name).is_file():
                return home / name
    return None


def hub_places(hub: str) -> str:
    """Return where a hub model is looked for, for messages.

    >>> hub_places("org/name")
    'org/name/, org--name/ or models--org--name/snapshots/*/'
    """
    flat = hub.replace("/", "--")
    return f"{hub}/, {flat}/ or models--{flat}/snapshots/*/"


def _homes(folder: Path, hub: str, encoder: str) -> Iterator[Path]:
    yield folder
    yield folder / encoder
    if not hub:
        return
    flat = hub.replace("/", "--")
    yield folder / hub
    yield folder / flat
    for cache in (folder / f"models--{flat}", folder / "hub" / f"models--{flat}"):
        yield from _snapshots(cache)
    if folder.name == f"models--{flat}":
        yield from _snapshots(folder)


def _snapshots(cache: Path) -> Iterator[Path]:
    """Yield the snapshots of a cached model, with that of its main branch first."""
    snapshots = cache / "snapshots"
    main = cache / "refs" / "main"
    first = snapshots / main.read_text(encoding="utf-8").strip() if main.is_file() else None
    if first is not None:
        yield first
    if snapshots.is_dir():
        yield from (path for path in sorted(snapshots.iterdir()) if path != first)


def _belongs(folder: Path, hub: str, encoder: str) -> bool:
    """Return whether a folder belongs to one model: a clone or a snapshot of its repository."""
    flat = hub.replace("/", "--")
    own = {encoder.casefold(), flat.casefold(), hub.rpartition("/")[2].casefold()} - {""}
    return folder.name.casefold() in own or (bool(hub) and f"models--{flat}" in folder.parts)
