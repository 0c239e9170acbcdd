"""The table of sample sizes in docs/study.md is computed right."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from metrics.proportion import exact_proportion

PAGE = Path(__file__).resolve().parents[3] / "docs" / "study.md"
ROWS = re.findall(
    r"^\| (\d+) \| (\.\d+) to (\.\d+) \| (\.\d+) \| (\.\d+) \| (\.\d+) \|$", PAGE.read_text("utf-8"), re.M
)


def smallest(n: int, chance: float, methods: int) -> float:
    """Return the smallest share that an exact test finds in 80 % of studies."""
    needed = next(k for k in range(n + 1) if k / n > chance and binomtest(k, n, chance).pvalue <= 0.05 / methods)
    return float(next(p for p in np.arange(chance, 1, 0.001) if binom.sf(needed - 1, n, p) >= 0.8))


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_table(row: tuple[str, ...]) -> None:
    n, (low, high, *found) = int(row[0]), map(float, row[1:])
    share = exact_proportion(n // 2, n)
    assert (share.low, share.high) == pytest.approx((low, high), abs=0.006)
    expected = [smallest(n, 0.5, 1), smallest(n, 1 / 2, 2), smallest(n, 1 / 4, 4)]
    assert found == pytest.approx(expected, abs=0.006)


def test_there_is_a_table() -> None:
    assert [row[0] for row in ROWS] == ["20", "50", "100", "200"]
