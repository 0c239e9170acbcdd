"""A map in order over a few workers, reading a bounded number of items ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

WORKERS = 2
"""Threads suffice for reading files: zlib, Pillow and numpy release the interpreter lock."""


def ordered_map(function: Callable[[Item], Result], items: Iterable[Item], workers: int = WORKERS) -> Iterator[Result]:
    """Yield `function(item)` in the order of `items`; an error is raised when its item is reached.

    At most two results per worker wait at a time, so memory stays bounded even if they are used slowly. If the iterator
    is closed or abandoned, items that were begun are still finished, in the background.
    """
    remaining = iter(items)
    executor = ThreadPoolExecutor(workers)
    abandoned = False
    try:
        waiting: deque[Future[Result]] = deque(
            executor.submit(function, item) for item in islice(remaining, 2 * workers)
        )
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(executor.submit(function, item) for item in islice(remaining, 1))
            yield result
    except GeneratorExit:
        abandoned = True
        raise
    finally:
        # the garbage collector can end a generator while this thread holds a lock that joining a thread needs
        executor.shutdown(wait=not abandoned, cancel_futures=True)
