"""Two CSV files as arrays: ids are paired, labels become numbers, and scores a matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from bench.errors import DataError
from bench.formats.csv_tables import Table, read_table, some

# Columns that do not hold scores of a class.
_RESERVED = ("id", "label", "group")


@dataclass(frozen=True)
class Predictions:
    """True and predicted class (index into `classes`) of each image, with its group and, if given, its scores."""

    classes: tuple[str, ...]
    true: Int64[np.ndarray, " n"]
    pred: Int64[np.ndarray, " n"]
    scores: Float64[np.ndarray, "n c"] | None
    groups: tuple[str, ...]


def load_predictions(true: Path, pred: Path, classes: Sequence[str] = ()) -> Predictions:
    """Return the truth (`id,label`, optionally `group`) and predictions (`id,label`, one score per class, or both).

    The classes are `classes`, or else the score columns, or else the labels of the truth: numbers in order, names
    alphabetically. Without a column `label` the class of the highest score is the prediction, the first of equals.

    Raises:
        DataError: a file is not valid, an id is only in one file, a label is not one of the classes, or a score is
            not finite.
    """
    truth, predictions = read_table(true, "id", ["label"]), read_table(pred, "id")
    _check_ids(truth, predictions)
    columns = [name for name in predictions.columns if name not in _RESERVED]
    labelled = "label" in predictions.columns
    if not columns and not labelled:
        raise DataError(
            f"{pred} has neither a column label nor a column of scores per class",
            got=",".join(predictions.columns),
            fix="write a header id,label",
        )
    labels = {row["label"] for row in truth.rows.values()}
    wanted = set(classes) if classes else labels
    if columns and (wanted - set(columns) or (classes and set(columns) - wanted)):
        raise DataError(
            f"{pred} does not have one column of scores for each of the classes {some(_ordered(wanted), 20)}",
            got=f"columns {some(columns, 20)}",
            fix="name the columns as the labels of the truth, and remove other columns",
        )
    known = tuple(classes) or _ordered(columns or labels)
    index = {name: number for number, name in enumerate(known)}
    of_true = _indices(truth, list(truth.rows), index)
    scores = _scores(predictions, list(truth.rows), known) if columns else None
    if labelled or scores is None:
        of_pred = _indices(predictions, list(truth.rows), index)
    else:
        of_pred = scores.argmax(axis=1).astype(np.int64)
    return Predictions(known, of_true, of_pred, scores, _groups(truth))


def _check_ids(truth: Table, predictions: Table) -> None:
    unpaired = [
        f"{len(ids)} only in {table.path}: {some(ids)}"
        for table, ids in (
            (truth, [name for name in truth.rows if name not in predictions.rows]),
            (predictions, [name for name in predictions.rows if name not in truth.rows]),
        )
        if ids
    ]
    if unpaired:
        fix = "write the same ids in both files, one row per image"
        raise DataError("Truth and predictions do not have the same images", got="\n".join(unpaired), fix=fix)


def _ordered(names: Sequence[str] | set[str]) -> tuple[str, ...]:
    """Return labels in order: numbers by value, names alphabetically."""
    try:
        return tuple(sorted(names, key=int))
    except ValueError:
        return tuple(sorted(names))


def _indices(table: Table, ids: Sequence[str], index: dict[str, int]) -> Int64[np.ndarray, " n"]:
    labels = [table.rows[name]["label"] for name in ids]
    unknown = [f"{label!r} ({name})" for name, label in zip(ids, labels, strict=True) if label not in index]
    if unknown:
        raise DataError(
            f"{table.path} has a label other than {some(list(index), 20)}",
            got=some(unknown),
            fix="write labels as in the other file, or give all classes with --classes",
        )
    return np.array([index[label] for label in labels], dtype=np.int64)


def _scores(table: Table, ids: Sequence[str], classes: Sequence[str]) -> Float64[np.ndarray, "n c"]:
    rows = np.empty((len(ids), len(classes)))
    for row, name in enumerate(ids):
        for column, label in enumerate(classes):
            rows[row, column] = _score(table.rows[name][label])
            if not math.isfinite(rows[row, column]):
                got = f"{table.rows[name][label]!r} for {name}, column {label}"
                fix = "write probabilities or other finite scores, and remove columns that are not scores"
                raise DataError(f"A score in {table.path} is not a finite number", got=got, fix=fix)
    return rows


def _score(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _groups(truth: Table) -> tuple[str, ...]:
    """Return the group of each image, which is the image itself if the truth has no such column."""
    if "group" not in truth.columns:
        return tuple(truth.rows)
    lacking = [name for name, row in truth.rows.items() if not row["group"]]
    if lacking:
        raise DataError(f"{truth.path} does not have a group for every image", got=f"no group for {some(lacking)}")
    return tuple(row["group"] for row in truth.rows.values())
