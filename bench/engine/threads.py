"""The threads of numerical libraries: how many a step has, and how they wait for work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.engine.step import Place

WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
"""Environment variables by which idle threads sleep, which change no number. Libraries read them when they are loaded.

Where networks are small or other processes need the cores, threads that spin used most of the time of a run."""


def environment(threads: int) -> dict[str, str]:
    """Return the environment variables of a process whose numerical libraries have a number of threads."""
    return {**dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads)), **WAITING}


@contextmanager
def limited(place: Place) -> Iterator[None]:
    """Give numerical libraries exactly the threads of a step's place, since sums depend on how they are split."""
    from threadpoolctl import threadpool_limits

    if place.precision:
        import torch

        torch.set_num_threads(place.threads)
    with threadpool_limits(place.threads, user_api="blas"):
        yield
