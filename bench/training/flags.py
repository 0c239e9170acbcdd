"""What trained weights fit, on disk beside them."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from bench.errors import DataError

Flags = TypeVar("Flags", bound=BaseModel)


def write_flags(path: Path, flags: BaseModel) -> None:
    """Write flags as JSON; write the weights after them, so that they are never without flags."""
    path.write_text(flags.model_dump_json(indent=1), encoding="utf-8")


def read_flags(path: Path, kind: type[Flags], what: str) -> Flags:
    """Read flags; `what` says what was trained.

    Raises:
        DataError: there are none.
    """
    if not path.exists():
        raise DataError(f"expected {what}", got=f"no {path.name} in {path.parent}")
    return kind.model_validate_json(path.read_text(encoding="utf-8"))
