"""The ordered map: order, bounded look-ahead, errors at their place."""

from __future__ import annotations

import threading
import time

import pytest

from bench.formats.parallel import ordered_map


def test_results_come_in_order_however_long_each_takes() -> None:
    def slow_first(item: int) -> int:
        time.sleep(0.05 if item == 0 else 0)
        return item * item

    assert list(ordered_map(slow_first, range(20))) == [item * item for item in range(20)]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_no_more_than_two_results_a_worker_wait(workers: int) -> None:
    taken = []

    def items():
        for item in range(100):
            taken.append(item)
            yield item

    results = ordered_map(lambda item: item, items(), workers)
    for _ in range(3):
        next(results)
    assert len(taken) == 2 * workers + 3
    results.close()
    assert len(taken) == 2 * workers + 3


def test_one_that_is_abandoned_joins_no_thread() -> None:
    """The garbage collector ends generators anywhere, also while this thread holds the lock that joining takes."""
    may_end = threading.Event()

    def waits(item: int) -> int:
        if item:
            may_end.wait(20)
        return item

    results = ordered_map(waits, range(10))
    assert next(results) == 0
    begun = time.monotonic()
    results.close()
    assert time.monotonic() - begun < 5
    may_end.set()


def test_an_error_is_raised_at_its_place() -> None:
    def third_fails(item: int) -> int:
        if item == 2:
            raise ValueError("third")
        return item

    results = ordered_map(third_fails, range(10))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="third"):
        next(results)
