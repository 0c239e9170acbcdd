"""Which rows say that a set shows the test split, so that its scores cannot be believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TEST_COPIES, TEST_NEARNESS = "test_copies", "test_nearness"
ALPHA = 0.005
"""Probability below which nearness to test slides is a finding: about 1 in 200 honest sets at most."""


def leaking(row: Mapping[str, Any]) -> bool:
    """Return whether a row of the table, given by the names of its columns, is about a set that shows the test split.

    It does if images were found that are copies of test images, or if the set is nearer to test slides than to training
    slides and chance does not explain it.

    >>> row = {"kind": "score", "metric": "test_copies", "value": 0.2, "p": None}
    >>> leaking(row), leaking({**row, "value": 0.0}), leaking({**row, "value": None})
    (True, False, False)
    >>> near = {**row, "metric": "test_nearness@random-convnet", "value": 0.97}
    >>> leaking({**near, "p": 0.002}), leaking({**near, "p": 0.3})
    (True, False)
    """
    name = str(row["metric"]).partition("@")[0]
    if row["kind"] != "score" or name not in (TEST_COPIES, TEST_NEARNESS):
        return False
    number = row["value"] if name == TEST_COPIES else row["p"]
    if number is None or number != number:  # missing, in a row or in a frame
        return False
    return bool(number > 0) if name == TEST_COPIES else bool(number <= ALPHA)
