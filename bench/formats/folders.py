"""Folders of users: which files they hold, with a check that none of them leads outside."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePath

from bench.errors import DataError
from bench.formats.csv_tables import some
from bench.paths import impossible

# The suffixes that clean-fid reads as images, without arrays (as FID's reference implementation).
IMAGE_SUFFIXES = (".bmp", ".jpg", ".jpeg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def walk(folder: Path, suffixes: Collection[str], root: Path | None = None) -> list[Path]:
    """Return the files of a folder and its subfolders with one of the suffixes, in order of path.

    Hidden files are skipped. Links to files are followed inside `root`, by default the folder itself; links to folders
    are not, so that none can lead in a circle.

    Raises:
        DataError: there is no such folder, or a link leads out of `root` or has no target.
    """
    if not folder.is_dir():
        got = "a file" if folder.exists() else "no such folder"
        raise DataError(f"There is no folder at {folder}", got=got, fix="give the folder that holds the files")
    found = [path for path in _files(folder) if path.suffix.lower() in suffixes]
    return sorted(
        inside(folder, path.relative_to(folder).as_posix(), root) if path.is_symlink() else path for path in found
    )


def inside(folder: Path, name: str, root: Path | None = None) -> Path:
    """Return `folder / name`, a file in the folder, or a link to one inside `root`, by default the folder itself.

    Raises:
        DataError: the name is absolute, or leads out of the folder, in a circle or to no file.
    """
    path = folder / spelled(folder, name)
    try:
        resolved = path.resolve(strict=True)
        if not resolved.is_relative_to((root or folder).resolve()):
            if path.is_symlink():
                raise DataError(
                    f"The link {path} leads out of {root or folder}, and only links inside it are followed",
                    got=f"a link to {resolved}",
                    fix="replace the link by a copy of the file, or move both below one folder",
                )
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


def spelled(folder: Path, name: str) -> str:
    """Return a name as the folder spells it: as it is, or with its accents in Unicode's form NFC or NFD."""
    forms = (name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name))
    return next((form for form in forms if not impossible(form) and os.path.lexists(folder / form)), name)


def stem_of(path: PurePath) -> str:
    """Return the stem by which a file is paired: letters with accents are written in one way (Unicode's form NFC).

    >>> stem_of(Path("e\u0301.png")) == stem_of(Path("\u00e9.npy"))
    True
    """
    return unicodedata.normalize("NFC", path.stem)


def by_stem(folder: Path, suffixes: Collection[str], kind: str, root: Path | None = None) -> Mapping[str, Path]:
    """Return the files of a folder (not of its subfolders) with one of the suffixes, by stem, in order of path.

    Stems are those of :func:`stem_of`; links are followed inside `root`, by default the folder itself.

    Raises:
        DataError: there is no such folder or file, two files have one stem, or a link leads out of `root` or is broken.
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
                inside(folder, path.name, root)
            stem = stem_of(path)
            if stem in found:
                twice.append(f"{found[stem].name} and {path.name}")
            found[stem] = path
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
