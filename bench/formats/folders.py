"""Folders of users: which files they hold, with a check that none of them leads outside."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from bench.errors import DataError
from bench.formats.csv_tables import some

# The suffixes that clean-fid reads as images, without arrays (as FID's reference implementation).
IMAGE_SUFFIXES = (".bmp", ".jpg", ".jpeg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def walk(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Return the files of a folder and its subfolders with one of the suffixes, in order of path.

    Hidden files are skipped. Only links to files inside the folder are followed; links to folders are not, so that
    none can lead in a circle.

    Raises:
        DataError: there is no such folder, or a link leaves it or has no target.
    """
    if not folder.is_dir():
        got = "a file" if folder.exists() else "no such folder"
        raise DataError(f"There is no folder at {folder}", got=got, fix="give the folder that holds the files")
    found = [path for path in _files(folder) if path.suffix.lower() in suffixes]
    return sorted(inside(folder, path.relative_to(folder).as_posix()) if path.is_symlink() else path for path in found)


def inside(folder: Path, name: str) -> Path:
    """Return `folder / name`, a file in the folder.

    Raises:
        DataError: the name is absolute, or leads out of the folder, in a circle or to no file.
    """
    path = folder / name
    try:
        resolved = path.resolve(strict=True)
        if not resolved.is_relative_to(folder.resolve()):
            raise DataError(
                f"A name is not a file inside {folder}", got=name, fix="name files by their paths in that folder"
            )
    except (OSError, RuntimeError, ValueError) as error:  # absent, a circle of links, a null byte
        got = "no such file" if isinstance(error, FileNotFoundError) else str(error)
        raise DataError(
            f"Cannot find the file {name!r} in {folder}", got=got, fix="correct the list or add the file"
        ) from error
    if not resolved.is_file():
        raise DataError(
            f"Cannot find the file {name!r} in {folder}", got="a folder", fix="name files instead of folders"
        )
    return path


def by_stem(folder: Path, suffixes: Collection[str], kind: str) -> Mapping[str, Path]:
    """Return the files of a folder (not of its subfolders) with one of the suffixes, by stem, in order.

    Raises:
        DataError: there is no such folder or file, two files have one stem, or a link leaves the folder or is broken.
    """
    if not folder.is_dir():
        got = "a file" if folder.exists() else "no such folder"
        raise DataError(f"There is no folder of {kind} at {folder}", got=got, fix="give the folder that holds them")
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
            f"Two files in {folder} have the same stem",
            got=some(twice),
            fix="keep one of them, and put images into another folder",
        )
    if not found:
        names = [path.name for path in present] + sorted(p.name + "/" for p in folder.iterdir() if p.is_dir())
        raise DataError(
            f"There are no {kind} ({', '.join(suffixes)}) in {folder}",
            got=some(names) if names else "an empty folder",
            fix="give the folder that directly holds the files",
        )
    return found


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in names if not name.startswith("."))
