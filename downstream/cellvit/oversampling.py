"""How often tiles are drawn, by the rarity of the classes that they contain and of their tissue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Float64

from bench.contract import SampleRecord


def tile_weights(
    records: Sequence[SampleRecord], gamma: float, *, by_cell: bool = True, by_tissue: bool = True
) -> Float32[np.ndarray, " n"]:
    """Return the weight of each tile: the sum of its weights by classes and by tissue, each divided by their largest.

    `gamma` 0 draws all tiles equally often, 1 balances. The formulas are the release's; its numbers of tiles that
    contain a class are constants of PanNuke and CoNIC, and here they are those of the training tiles. Without tissues
    (as in CoNIC and MoNuSAC), only classes count.

    >>> rare = SampleRecord("a", "g", 8, 8, None, None, None, (1, 0))
    >>> common = SampleRecord("b", "g", 8, 8, None, None, None, (0, 5))
    >>> tile_weights([rare, common, common, common], 1.0).round(2).tolist()
    [1.0, 0.33, 0.33, 0.33]
    """
    total = np.zeros(len(records))
    if by_cell:
        total += _share(cell_weights(np.array([record.nuclei for record in records]) > 0, gamma))
    if by_tissue and any(record.tissue is not None for record in records):
        total += _share(tissue_weights([record.tissue for record in records], gamma))
    return np.asarray(total if total.any() else np.ones(len(records)), np.float32)


def cell_weights(present: np.ndarray, gamma: float) -> Float64[np.ndarray, " n"]:
    """Return (1 - g) [any class] + g sum of k / (g n_c + (1 - g) k) over the classes c that a tile contains.

    n_c is the number of tiles that contain class c, and k their sum over classes. Tiles without nuclei get the smallest
    weight of the others.
    """
    counts = present.sum(0)
    k = counts.sum()
    rarity = np.divide(k, gamma * counts + (1 - gamma) * k, out=np.zeros(len(counts)), where=counts > 0)
    weights = (1 - gamma) * present.any(1) + gamma * (present * rarity).sum(1)
    least = weights[weights > 0].min() if k else 1.0
    return np.asarray(np.where(weights > 0, weights, least))


def tissue_weights(tissues: Sequence[str | None], gamma: float) -> Float64[np.ndarray, " n"]:
    """Return n / (g n_t + (1 - g) n), where n_t of the n tiles are of the same tissue."""
    counts = Counter(tissues)
    n = len(tissues)
    return np.array([n / (gamma * counts[tissue] + (1 - gamma) * n) for tissue in tissues])


def _share(weights: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    return np.asarray(weights / weights.max())
