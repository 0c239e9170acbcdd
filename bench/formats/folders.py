"""Folders of a user's own: which files they hold, and that none of them leads outside."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from bench.errors import DataError
from bench.formats.csv_tables import some

# What clean-fid takes for images, without arrays (spec of FID's reference implementation).
IMAGE_SUFFIXES = (".bmp", ".jpg", ".jpeg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def walk(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """List the files of a folder and its subfolders with one of the suffixes, in order of path.

    Hidden files are passed over. Links are followed to files inside the folder only; links to folders are not, so that
    none can lead in a circle.

    Raises:
        DataError: no such folder, or a link that leaves it or leads nowhere.
    """
    if not folder.is_dir():
        got = "a file" if folder.exists() else "no such folder"
        raise DataError(f"expected a folder at {folder}", got=got, fix="name the folder that holds the files")
    found = [path for path in _files(folder) if path.suffix.lower() in suffixes]
    return sorted(inside(folder, path.relative_to(folder).as_posix()) if path.is_symlink() else path for path in found)


def inside(folder: Path, name: str) -> Path:
    """Return `folder / name`, a file that lies in the folder.

    Raises:
        DataError: the name is absolute, leads out of the folder, in a circle, or to no file.
    """
    path = folder / name
    try:
        resolved = path.resolve(strict=True)
        if not resolved.is_relative_to(folder.resolve()):
            raise DataError(f"expected files inside {folder}", got=name, fix="name files by their path in that folder")
    except (OSError, RuntimeError, ValueError) as error:  # absent, a circle of links, a null byte
        got = "no such file" if isinstance(error, FileNotFoundError) else str(error)
        raise DataError(
            f"expected a file {name!r} in {folder}", got=got, fix="mend the list or add the file"
        ) from error
    if not resolved.is_file():
        raise DataError(f"expected a file {name!r} in {folder}", got="a folder", fix="name files")
    return path


def by_stem(folder: Path, suffixes: Collection[str], kind: str) -> Mapping[str, Path]:
    """Return the files of a folder (not of its subfolders) with one of the suffixes, by stem, in order.

    Raises:
        DataError: no such folder, no such file in it, two of one stem, or a link that leaves it or leads nowhere.
    """
    if not folder.is_dir():
        got = "a file" if folder.exists() else "no such folder"
        raise DataError(f"expected a folder of {kind} at {folder}", got=got, fix="name the folder that holds them")
    shown = (path for path in folder.iterdir() if not path.name.startswith("."))
    present = sorted(path for path in shown if path.is_file() or (path.is_symlink() and not path.is_dir()))
    found: dict[str, Path] = {}
    twice = []
    for path in present:
        if path.suffix.lower() in suffixes:
            if path.is_symlink():
                inside(folder, path.name)
            if path.stem in found:
                twice.append(f"{found[path.stem].name} and {path.name}")
            found[path.stem] = path
    if twice:
        raise DataError(
            f"expected one file a stem in {folder}",
            got=some(twice),
            fix="keep one of them: images go to another folder",
        )
    if not found:
        names = [path.name for path in present] + sorted(p.name + "/" for p in folder.iterdir() if p.is_dir())
        raise DataError(
            f"expected {kind} ({', '.join(suffixes)}) in {folder}",
            got=some(names) if names else "an empty folder",
            fix="name the folder that holds the files themselves",
        )
    return found


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in names if not name.startswith("."))
