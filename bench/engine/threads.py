"""How threads of numerical libraries wait for work; the numbers do not depend on it."""

from __future__ import annotations

WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
"""Environment variables by which idle threads sleep: with small networks, or where other processes need the cores,
threads that spin used most of the time of a run."""
