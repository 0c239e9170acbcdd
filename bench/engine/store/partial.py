"""Folders of unfinished steps: which is continued, and which is begun again."""

from __future__ import annotations

import json
import shutil
import uuid
import zipfile
import zlib
from pathlib import Path

SUFFIX = ".partial"
BROKEN = "broken"
"""The folder of a store into which broken entries are moved."""
# Files of a running step that are not part of its output.
_SCRATCH = ("checkpoint.pt", "checkpoint.pt.tmp", "cost.json", "cost.json.tmp", "chunks", "job.json", "job.json.tmp")


def workplaces(path: Path) -> list[Path]:
    """Return the folders of unfinished attempts at the step whose output will be `path`, the latest first."""
    found = [place for place in _places(path) if place.is_dir()]
    return sorted(found, key=lambda one: one.stat().st_mtime, reverse=True)


def workplace(path: Path, *, shared: bool) -> Path:
    """Return the folder in which a step is done, with the files of the latest attempt.

    Args:
        path: the folder of the finished step.
        shared: whether the process of the latest attempt may wake up and continue to write; its files are copied.
    """
    earlier = workplaces(path)
    if not shared:
        place = earlier[0] if earlier else path.with_name(path.name + SUFFIX)
        place.mkdir(parents=True, exist_ok=True)
        return place
    place = next(place for place in _places(path) if not place.exists())
    if earlier:
        shutil.copytree(earlier[0], place, symlinks=True)
    else:
        place.mkdir(parents=True)
    return place


def _places(path: Path) -> list[Path]:
    """Return the names that folders of attempts have; the stage's folder may be too large to be listed."""
    return [path.with_name(f"{path.name}{number}{SUFFIX}") for number in ("", *(f".{n}" for n in range(1, 10)))]


def flaw(place: Path) -> str:
    """Return what is wrong with the files from which an attempt would continue; empty if nothing is.

    Steps write a checkpoint or a JSON file under a temporary name and rename it, so a cut-off one means that the
    system went down or the disk was damaged.
    """
    checkpoint = place / "checkpoint.pt"
    if checkpoint.exists() and not _is_checkpoint(checkpoint):
        return f"{checkpoint.name} was cut off or damaged"
    for path in sorted(place.rglob("*.json")):
        if path.name in _SCRATCH:  # without its cost, a step continues
            continue
        try:
            json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            return f"{path.relative_to(place)} was cut off or damaged"
    return ""


def _is_checkpoint(path: Path) -> bool:
    """Return whether a checkpoint can be read: a zip archive whose sums agree, or a text of a method's own."""
    content = path.open("rb")
    with content:
        start = content.read(4096)
    if not start:
        return False
    if not start.startswith(b"PK"):
        return start.isascii() and b"\0" not in start
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    # a damaged directory may name any compression, an encryption or place, in bytes that need not be text
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, ArithmeticError):
        return False


def clear_scratch(place: Path) -> None:
    """Remove the files of a running step that are not part of its output."""
    for name in _SCRATCH:
        leftover = place / name
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink(missing_ok=True)


def set_aside(root: Path, path: Path) -> Path:
    """Move a folder or file of the store to `broken/<stage>/` and return its new place.

    Raises:
        OSError: it cannot be moved.
    """
    place = root / BROKEN / path.parent.name / f"{path.name}-{uuid.uuid4().hex[:8]}"
    place.parent.mkdir(parents=True, exist_ok=True)
    path.rename(place)
    return place
