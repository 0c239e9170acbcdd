"""Two CSV files as arrays: ids are paired, labels become numbers, and scores a matrix."""

from __future__ import annotations

import math
import unicodedata
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

    The classes are `classes`, or else the labels of the truth: numbers in order, names alphabetically. The score
    columns are those of the classes, and predictions have no others. Without a column `label` the class of the highest
    score is the prediction, the first of equals.

    Raises:
        DataError: a file is not valid, an id is only in one file, an image has no label or one that is not one of the
            classes, a column of predictions is no class, a class has no column, two names differ only in how they are
            written, or a score is not finite.
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
    for table in (truth, predictions) if labelled else (truth,):
        _check_labels(table)
    labels = {row["label"] for row in truth.rows.values()}
    known = tuple(classes) or _ordered(labels)
    predicted = {row["label"] for row in predictions.rows.values()} if labelled else set[str]()
    _check_spelling([*known, *sorted(labels | predicted), *columns])
    if columns:
        _check_columns(pred, columns, known, given=bool(classes))
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


def _check_labels(table: Table) -> None:
    """Refuse a table in which an image has no label, which pandas writes as an empty cell or as nan."""
    rows = enumerate(table.rows.items(), start=1)
    blank = [(number, name) for number, (name, row) in rows if row["label"].casefold() in ("", "nan")]
    if blank:
        raise DataError(
            f"{table.path} does not have a label for every image",
            got=f"no label in {len(blank)} rows: {some([f'{number} ({name})' for number, name in blank])}",
            fix="write the class of these images, or remove them from both files",
        )


def _check_spelling(names: Sequence[str]) -> None:
    """Refuse names of classes that differ only in case, in spaces, in Unicode's form or in the form of a number."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(_plain(name), name)
        if other != name:
            raise DataError(
                "Two names of classes differ only in how they are written",
                got=f"{other!r} and {name!r}",
                fix="write each class in the same way in both files and in --classes",
            )


def _plain(name: str) -> str:
    try:
        return repr(float(name))
    except ValueError:
        return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _check_columns(path: Path, columns: Sequence[str], classes: Sequence[str], *, given: bool) -> None:
    """Refuse a column that is no class, and a class without a column."""
    others = [name for name in columns if name not in classes]
    if others:
        shown = some([repr(name) if name else "a column without a name" for name in others])
        fix = "remove these columns; name the columns of scores as the labels of the truth"
        if "" in others:
            fix = "save it without row numbers, in pandas with to_csv(FILE, index=False)"
        elif not given:
            fix += "; if they are classes of which the truth has no image, give all classes with --classes"
        raise DataError(
            f"{path} has columns that are not scores of the classes {some(classes, 20)}", got=shown, fix=fix
        )
    lacking = [name for name in classes if name not in columns]
    if lacking:
        raise DataError(
            f"{path} does not have one column of scores for each of the classes {some(classes, 20)}",
            got=f"no column {some(lacking, 20)}",
            fix="name the columns of scores as the labels of the truth",
        )


def _ordered(names: set[str]) -> tuple[str, ...]:
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
