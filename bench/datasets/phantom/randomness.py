"""Explicit random generators, keyed by their purpose."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(*keys: int | str) -> np.random.Generator:
    """Return the generator that belongs to a sequence of keys.

    Args:
        keys: integers and names; their types count, so ``1`` and ``"1"`` differ.

    The seed is the SHA-256 of the keys' representation, so neighbouring seeds give unrelated streams.
    """
    digest = hashlib.sha256(repr(keys).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


def lognormal(rng: np.random.Generator, median: float, log_sd: float) -> float:
    """Draw one log-normal number of the given median, cut at two and a half standard deviations."""
    return float(median * np.exp(np.clip(rng.normal(0.0, 1.0), -2.5, 2.5) * log_sd))
