"""What the folder of a run keeps next to its table: curves of trainings, and what the machine did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.errors import DataError
from bench.results.evidence import Evidence

CURVES, USAGE = "curves.jsonl", "usage.json"
_FIX = "run the command of this run again, which writes it again"


def read_curves(folder: Path) -> list[dict[str, Any]]:
    """Return the points of a run's training curves, in the order in which they were written; older runs have none.

    Raises:
        DataError: the file cannot be read.
    """
    path = folder / CURVES
    try:
        points = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
        for one in points:
            _ = str(one["name"]), int(one["step"]), float(one["value"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _broken(path, error) from error
    return points


def read_usage(folder: Path) -> dict[str, list[dict[str, float]]]:
    """Return what the machine did during the steps of a run: samples by the step's key; older runs have none.

    Raises:
        DataError: the file cannot be read.
    """
    path = folder / USAGE
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        kinds = {type(sample) for samples in found.values() for sample in samples}
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise _broken(path, error) from error
    if kinds - {dict}:
        raise _broken(path, ValueError("samples of another kind"))
    return dict(found)


def read_evidence(folder: Path) -> Evidence | None:
    """Return what a run keeps to be looked at; None if it has none.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        return Evidence.read(folder)
    except (OSError, ValueError) as error:
        raise _broken(Evidence.file(folder), error) from error


def _broken(path: Path, error: Exception) -> DataError:
    said = " ".join((str(error) or type(error).__name__).split())[:200]
    return DataError(f"A file of a run's results cannot be read: {path}", got=said, fix=_FIX)
