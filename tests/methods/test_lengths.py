"""Published lengths at other resolutions."""

from __future__ import annotations

from methods.lengths import scaled


def test_lengths_follow_the_resolution() -> None:
    assert [scaled(30, mpp) for mpp in (0.25, 0.5, 1.0)] == [30, 15, 8]
    assert [scaled(2, mpp) for mpp in (0.25, 0.5, 1.0)] == [2, 1, 1]
    assert scaled(5, 0.5) == 3
    assert scaled(0, 0.25) == 0
