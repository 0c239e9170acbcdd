"""How threads of numerical libraries wait for work; the numbers do not depend on it."""

from __future__ import annotations

WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
"""Environment variables by which idle threads sleep: with small networks, or where other processes need the cores,
threads that spin used most of the time of a run."""


def thread_limits(threads: int) -> dict[str, str]:
    """Return the environment variables by which a new process computes with so many threads, which sleep if idle."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {**dict.fromkeys(names, str(threads)), **WAITING}
