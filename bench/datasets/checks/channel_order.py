"""A check that images are RGB, by the colour of their nuclei."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import numpy as np
from jaxtyping import Float64

from bench.contract import Sample
from bench.datasets.source import Finding
from bench.errors import DataError


def darkening(samples: Iterable[Sample]) -> Float64[np.ndarray, "3"] | None:
    """Return how much darker nuclei are than their surroundings in each channel, in 0..255.

    Means over all pixels of all samples; None if there are no nuclei, or nothing else.
    """
    sums, counts = np.zeros((2, 3)), np.zeros(2)
    for sample in samples:
        if sample.instances is not None:
            inside = sample.instances > 0
            for side, mask in enumerate((inside, ~inside)):
                sums[side] += sample.image[mask].sum(axis=0, dtype=np.float64)
                counts[side] += mask.sum()
    if not counts.all():
        return None
    inside_mean, outside_mean = sums / counts[:, None]
    return np.asarray(outside_mean - inside_mean)


def bgr_findings(read: Callable[[int], Sample], n: int, file: str) -> list[Finding]:
    """Return warnings of images whose red and blue are swapped; up to 32 of `n` samples with stained nuclei are read.

    Haematoxylin absorbs red more than blue, so nuclei darken red the most: in each of seven tiles of CoNSeP by 1.5 to
    2.7 times as much as blue. The mean colour does not show the order (CoNSeP's mean blue exceeds its
    mean red). Unreadable samples are skipped here, because inspection lists them.
    """
    darker = darkening(_readable(read, range(0, n, max(1, -(-n // 32)))))
    if darker is None or darker[0] >= darker[2]:
        return []
    message = f"nuclei darken blue by {darker[2]:.0f} and red by {darker[0]:.0f}: are red and blue swapped?"
    return [Finding("warning", file, message)]


def _readable(read: Callable[[int], Sample], indices: Iterable[int]) -> Iterator[Sample]:
    for index in indices:
        with suppress(DataError):
            yield read(index)
