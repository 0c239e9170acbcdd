"""CellViT's divisions: a folder `splits` of `fold_0`, `fold_1` and so on, each with lists of ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.datasets.splits.id_division import IdDivision, checked_folds
from bench.errors import ConfigError
from bench.formats.folders import IMAGE_SUFFIXES

FILES = {"train": "train.csv", "validation": "val.csv", "test": "test.csv"}
_FOLD = re.compile(r"fold_?([0-9]+)", re.IGNORECASE)
_FIX = "give the folder that holds fold_0/train.csv and fold_0/val.csv, or one of its folds"


def read_fold_lists(folder: Path, test_ids: Callable[[], Sequence[str]]) -> IdDivision:
    """Return the division of a folder `splits`, or of one of its folds.

    `train.csv`, `val.csv` and `test.csv` list one id per line without a header; the suffix of an image is left out.
    CellViT writes the first two and tests every fold on the images of its folder `test`.

    Args:
        folder: the folder.
        test_ids: returns the ids of the dataset's test split, for folds without `test.csv`.

    Raises:
        ConfigError: it has no folds, a list is missing, empty or has several columns, or an id is twice in a fold.
    """
    found = sorted((int(match[1]), path) for path in _folders(folder) if (match := _FOLD.fullmatch(path.name)))
    places = [path for _, path in found] or [folder]
    lists = [_read(place) for place in places]
    names = [f"{k}/{len(lists)}" for k in range(1, len(lists) + 1)]
    with_test = [{**fold, "test": fold["test"] if "test" in fold else test_ids()} for fold in lists]
    folds = checked_folds(dict(zip(names, with_test, strict=True)), folder)
    return IdDivision(folder.resolve().name, "", folds)


def _folders(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()]


def _read(place: Path) -> Mapping[str, Sequence[str]]:
    if not (place / FILES["train"]).is_file():
        raise ConfigError(f"There is no list of training samples in {place}", got=f"no {FILES['train']}", fix=_FIX)
    return {role: _ids(place / name) for role, name in FILES.items() if (place / name).is_file()}


def _ids(path: Path) -> list[str]:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise ConfigError(f"The list {path} cannot be read", got=str(error), fix="save it as text, UTF-8") from error
    if odd := [line for line in lines if "," in line]:
        raise ConfigError(
            f"The list {path} has several columns", got=odd[0][:80], fix="write one id per line, no header"
        )
    return [_stem(line.strip('"')) for line in lines]


def _stem(name: str) -> str:
    suffix = Path(name).suffix
    return name.removesuffix(suffix) if suffix.lower() in IMAGE_SUFFIXES else name
