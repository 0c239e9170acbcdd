"""Test images that look like a training image, and images of two classes: what a run says of its data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.contract import Dataset
from bench.datasets.checks.look_alikes import LISTED, same_pixels, similar
from bench.datasets.looks import Look
from bench.datasets.prepared.read import PreparedDataset
from bench.datasets.splits.joined import Joined
from bench.results.document import RunHead
from bench.run.divisions import FoldData

NAME = "look_alikes"
"""The name under which a run's document lists what was found."""


def look_alikes(folds: Sequence[FoldData]) -> list[dict[str, Any]]:
    """Return what was found in each fold, as JSON values; folds in which nothing was found are left out.

    `alike` is the number of test images that look like a training image, of `n`; `pairs` are the first of them with the
    training image and the bits in which they differ. `two_classes` are images with the same pixels and other classes.
    Images with other labels than a class are not compared for the latter.
    """
    return [found for fold in folds if (found := _of_fold(fold))]


def doubts_of(document: RunHead) -> list[str]:
    """Return what a finished run says against all of its numbers."""
    return [text for found in document.findings.get(NAME, ()) for text in sentences(found)]


def sentences(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was found in one fold in words."""
    fold = f"fold {found['fold']}: " if found["fold"] else ""
    if found["alike"]:
        own, other, _ = found["pairs"][0]
        yield (
            f"{fold}{found['alike']} of {found['n']} test images look like a training image ({own} like {other}): "
            "the scores of every arm may be too good, and copies that are turned or cropped are not found"
        )
    if found["two_classes"]:
        one, other = found["two_classes"][0]
        yield f"{fold}{len(found['two_classes'])} images have the pixels of one of another class: {one} and {other}"


def _of_fold(fold: FoldData) -> dict[str, Any]:
    train, test = fold.data["train"], fold.data.get("test")
    seen, tested = _looks(train), [] if test is None else _looks(test)
    pairs = similar(tested, seen)
    ids = [*train.ids, *([] if test is None else test.ids)]
    labels = [record.label for data in (train, test) if data is not None for record in data.records]
    twice = [] if len(seen) + len(tested) < len(ids) else same_pixels(ids, [*seen, *tested], labels)
    if not pairs and not twice:
        return {}
    assert test is not None or not pairs
    listed = [] if test is None else [[test.ids[one.own], train.ids[one.other], one.bits] for one in pairs[:LISTED]]
    return {
        "fold": fold.name,
        "alike": len(pairs),
        "n": len(tested),
        "pairs": listed,
        "two_classes": [list(one) for one in twice[:LISTED]],
    }


def _looks(data: Dataset) -> list[Look]:
    """Return the look of each image; none if the data were prepared before looks were kept, or are of another kind."""
    found = data.looks if isinstance(data, PreparedDataset | Joined) else None
    return found or []
