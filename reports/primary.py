"""The one metric of a board that is tested."""

from __future__ import annotations

from collections.abc import Sequence

from reports.columns import Column

PRIMARY = ("pq/image", "accuracy")
"""The primary metrics of the tracks: panoptic quality of nuclei, accuracy of images of tissue."""


def primary_of(columns: Sequence[Column], asked: str = "") -> Column | None:
    """Return the column of differences that is tested; None if no arm was compared with the baseline in it.

    Args:
        columns: the columns of a board.
        asked: a metric, or one of a class as in `f_type[epithelial]`; if the board lacks it or it is empty, the metric
            of the track.
    """
    named = testable(columns)
    return next((named[name] for name in (asked, *PRIMARY) if name in named), None)


def testable(columns: Sequence[Column]) -> dict[str, Column]:
    """Return the columns of differences by the name of their metric."""
    return {column.score_name: column for column in columns if column.signed}
