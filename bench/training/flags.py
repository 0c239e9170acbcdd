"""Flags of trained weights: a file next to the weights that says which network they fit."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from bench.errors import DataError

Flags = TypeVar("Flags", bound=BaseModel)


def write_flags(path: Path, flags: BaseModel) -> None:
    """Write flags as JSON; call this before writing the weights, so that weights always have flags."""
    path.write_text(flags.model_dump_json(indent=1), encoding="utf-8")


def read_flags(path: Path, kind: type[Flags], what: str) -> Flags:
    """Return the flags in a file; `what` names the trained network, for the error.

    Raises:
        DataError: the file does not exist.
    """
    if not path.exists():
        raise DataError(f"Cannot find {what}", got=f"no {path.name} in {path.parent}")
    return kind.model_validate_json(path.read_text(encoding="utf-8"))
