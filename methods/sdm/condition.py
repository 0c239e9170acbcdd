"""Label maps as the network gets them: one-hot classes and the edges of instances."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int32, UInt8


def channels(classes: int) -> int:
    """Return the number of channels for `classes` nucleus classes, including the background and the edge map."""
    return classes + 2


def condition_map(
    instances: Int32[np.ndarray, "h w"], types: UInt8[np.ndarray, " n"], classes: int
) -> UInt8[np.ndarray, "c h w"]:
    """Return the condition of a label map: one-hot over background and `classes` classes, then the edges, in {0, 1}.

    The null condition is all zero, including its background channel: it means "nothing is known", not "nothing is
    there" (SDM, section 3.3).
    """
    kinds = np.append(np.uint8(0), types)[instances]
    one_hot = np.arange(classes + 1, dtype=np.uint8)[:, None, None] == kinds
    return np.concatenate([one_hot, instance_edges(instances)[None]]).astype(np.uint8)


def instance_edges(instances: Int32[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Mark the pixels that differ from one of their four neighbours, which are both sides of every boundary.

    >>> instance_edges(np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]])).astype(int).tolist()
    [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    """
    edges = np.zeros(instances.shape, bool)
    rows = instances[1:] != instances[:-1]
    columns = instances[:, 1:] != instances[:, :-1]
    edges[1:] |= rows
    edges[:-1] |= rows
    edges[:, 1:] |= columns
    edges[:, :-1] |= columns
    return edges
