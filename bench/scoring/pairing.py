"""Pairs of true and predicted labels, from two folders or COCO files by the stem of the image."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from bench.errors import DataError
from bench.formats.csv_tables import some
from bench.formats.labels import label_files


class Pair(NamedTuple):
    """The files of the true and the predicted labels of one image, which may hold those of others too."""

    stem: str
    true: Path
    pred: Path


def pair_labels(true: Path, pred: Path) -> list[Pair]:
    """Return the label files of two folders paired by stem, in the order of stems.

    Files of other kinds, hidden files and subfolders are ignored; suffixes may differ between the folders. Each place
    may also be a COCO file of many images, or a folder with only that file.

    Raises:
        DataError: a place is absent or has no labels, or a stem occurs twice in a folder or only in one place.
    """
    truths, predictions = label_files(true, "true labels"), label_files(pred, "predicted labels")
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
