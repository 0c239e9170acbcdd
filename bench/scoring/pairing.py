"""Which prediction belongs to which truth: the files of two folders, paired by stem."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from bench.errors import DataError
from bench.labels import SUFFIXES
from bench.scoring.table import some


class Pair(NamedTuple):
    """The true and the predicted labels of one image."""

    stem: str
    true: Path
    pred: Path


def pair_labels(true: Path, pred: Path) -> list[Pair]:
    """Pair the label files of two folders by stem, in the order of stems.

    Files of other kinds, hidden files and subfolders are passed over; suffixes may differ between the folders.

    Raises:
        DataError: a folder is absent or holds no labels, a stem occurs twice in a folder or in one folder alone.
    """
    truths, predictions = _by_stem(true, "true"), _by_stem(pred, "predicted")
    alone = [
        f"{len(stems)} in {folder} alone: {some(stems)}"
        for folder, stems in (
            (true, sorted(truths.keys() - predictions.keys())),
            (pred, sorted(predictions.keys() - truths.keys())),
        )
        if stems
    ]
    if alone:
        raise DataError(
            "expected a prediction for every true label and no other, paired by stem",
            got="\n".join(alone),
            fix="add or take away these files, or rename them: a.mat pairs with a.npy, not with a_pred.npy",
        )
    return [Pair(stem, truths[stem], predictions[stem]) for stem in sorted(truths)]


def _by_stem(folder: Path, kind: str) -> dict[str, Path]:
    if not folder.is_dir():
        got = "a file" if folder.exists() else "no such folder"
        raise DataError(
            f"expected a folder of {kind} labels at {folder}", got=got, fix="name the folder that holds them"
        )
    inside = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    found: dict[str, Path] = {}
    twice = []
    for path in inside:
        if path.suffix.lower() in SUFFIXES:
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
        inner = sorted(path.name + "/" for path in folder.iterdir() if path.is_dir())
        names = [path.name for path in inside] + inner
        raise DataError(
            f"expected {kind} labels ({', '.join(SUFFIXES)}) in {folder}",
            got=some(names) if names else "an empty folder",
            fix="name the folder that holds the files themselves",
        )
    return found
