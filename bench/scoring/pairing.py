"""Which prediction belongs to which truth: the files of two folders, paired by stem."""

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
    """Pair the label files of two folders by stem, in the order of stems.

    Files of other kinds, hidden files and subfolders are passed over; suffixes may differ between the folders.

    Raises:
        DataError: a folder is absent or holds no labels, a stem occurs twice in a folder or in one folder alone.
    """
    truths, predictions = by_stem(true, SUFFIXES, "true labels"), by_stem(pred, SUFFIXES, "predicted labels")
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
