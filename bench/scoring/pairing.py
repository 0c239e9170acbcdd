"""Pairs of true and predicted files, from two folders by stem."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from bench.errors import DataError
from bench.formats.csv_tables import some
from bench.formats.folders import by_stem
from bench.formats.labels import SUFFIXES


class Pair(NamedTuple):
    """The true and the predicted labels of one image."""

    stem: str
    true: Path
    pred: Path


def pair_labels(true: Path, pred: Path) -> list[Pair]:
    """Return the label files of two folders paired by stem, in the order of stems.

    Files of other kinds, hidden files and subfolders are ignored; suffixes may differ between the folders.

    Raises:
        DataError: a folder is absent or has no labels, or a stem occurs twice in a folder or only in one folder.
    """
    truths, predictions = by_stem(true, SUFFIXES, "true labels"), by_stem(pred, SUFFIXES, "predicted labels")
    unpaired = [
        f"{len(stems)} only in {folder}: {some(stems)}"
        for folder, stems in (
            (true, sorted(truths.keys() - predictions.keys())),
            (pred, sorted(predictions.keys() - truths.keys())),
        )
        if stems
    ]
    if unpaired:
        raise DataError(
            "True and predicted labels do not pair up by stem",
            got="\n".join(unpaired),
            fix="add, remove or rename these files: a.mat pairs with a.npy, not with a_pred.npy",
        )
    return [Pair(stem, truths[stem], predictions[stem]) for stem in sorted(truths)]
