"""The places of PanNuke's files: the official archives, and the ways in which they are unpacked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

_FOLD = re.compile(r"fold[ _-]?(\d)", re.IGNORECASE)


class FoldFiles(NamedTuple):
    """The three files of a fold; None for a file that does not exist."""

    images: Path | None
    types: Path | None
    masks: Path | None


def find_fold(folder: Path, fold: int) -> FoldFiles:
    """Return the files of a fold, officially `Fold 1/images/fold1/{images,types}.npy`, `Fold 1/masks/fold1/masks.npy`.

    `Fold 1` may be written `fold_1` or `fold1`, be in another such folder (as `unzip -d fold_1` leaves it), or absent,
    so that `images/fold1` and `masks/fold1` of all folds are side by side; the inner folders may be absent too. The
    first place that holds any of the files is taken.
    """
    for base in _bases(folder, fold):
        files = FoldFiles(*(_file(base, kind, name, fold, folder) for kind, name in _NAMES))
        if any(files):
            return files
    return FoldFiles(None, None, None)


_NAMES = (("images", "images"), ("images", "types"), ("masks", "masks"))


def _bases(folder: Path, fold: int) -> list[Path]:
    outer = _named(folder, fold)
    return [base for path in outer for base in (*_named(path, fold), path)] + [folder]


def _file(base: Path, kind: str, name: str, fold: int, folder: Path) -> Path | None:
    # outside of the fold's own folder, only a folder named after the fold is accepted
    loose = [] if base == folder else [base / kind, base]
    places = [place / f"{name}.npy" for place in (*_named(base / kind, fold), *loose)]
    return next((path for path in places if path.is_file()), None)


def _named(folder: Path, fold: int) -> list[Path]:
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if (match := _FOLD.fullmatch(path.name)) and int(match[1]) == fold]
    return sorted(path for path in found if path.is_dir())
