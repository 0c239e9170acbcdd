"""Pictures inside the page, of which there are as many as a page of 15 MB holds."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from bench.errors import DataError
from reports.report.galleries import Gallery

LIMIT = 10_000_000
"""Largest number of bytes of all picture files: base64 adds a third."""
_TYPES = {".png": "image/png", ".webp": "image/webp", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}


def fitting(galleries: Sequence[Sequence[Gallery]], limit: int = LIMIT) -> list[list[Gallery]]:
    """Return the galleries of each part with as many rows of every grid as fit the limit, and at least one."""
    rows = max((len(grid.rows) for part in galleries for one in part for grid in one.grids), default=1)
    while rows > 1 and _size(galleries, rows) > limit:
        rows -= 1
    return [[gallery.first(rows) for gallery in part] for part in galleries]


def data_uri(path: Path) -> str:
    """Return a picture as a URI that holds its bytes.

    Raises:
        DataError: the file cannot be read, or is not a picture.
    """
    kind = _TYPES.get(path.suffix.lower())
    if kind is None:
        raise DataError("A picture of a run is of no known type", got=str(path), fix="run it again")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            "A picture of a run cannot be read", got=f"{path}: {error.strerror}", fix="run it again"
        ) from error
    return f"data:{kind};base64,{b64encode(content).decode('ascii')}"


def _size(galleries: Sequence[Sequence[Gallery]], rows: int) -> int:
    shown = (gallery.first(rows) for part in galleries for gallery in part)
    return sum(_bytes(tile.file) for gallery in shown for grid in gallery.grids for tile in grid.tiles())


@cache
def _bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
