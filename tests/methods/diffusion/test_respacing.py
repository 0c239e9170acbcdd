"""Respacing: the stride rule and where sampling starts."""

from __future__ import annotations

import pytest

from bench.errors import ConfigError
from methods.diffusion.respacing import start_count, strided


def test_ddim100_is_every_tenth_step() -> None:
    assert strided(1000, 100) == list(range(0, 1000, 10))
    assert strided(1000, 20) == list(range(0, 1000, 50))
    assert strided(1000, 1000) == list(range(1000))
    assert strided(1000, 1) == [0]


def test_a_count_without_stride_is_refused() -> None:
    with pytest.raises(ConfigError) as refused:
        strided(1000, 300)
    assert "250" in str(refused.value.fix)


@pytest.mark.parametrize(
    ("steps", "percent", "count"),
    [(100, 55, 55), (20, 55, 11), (4, 55, 2), (100, 0, 0), (100, 100, 100), (100, 29, 29)],
)
def test_start_counts(steps: int, percent: float, count: int) -> None:
    assert start_count(steps, percent) == count
