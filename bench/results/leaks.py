"""Rows that say that a set shows images of the test split, or is nearer to them than real images are."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

LEAKS: Mapping[str, str] = MappingProxyType(
    {"test_copies": "contains test images", "too_near_test": "too near the test images"}
)
"""What a number above 0 of each of these metrics means."""


def leaking(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that report a leak: they hold a number above 0 of a metric of `LEAKS`."""
    return rows[rows["metric"].isin(list(LEAKS)) & (rows["value"] > 0)]
