"""Real patches that synthetic ones are compared with: seeded random crops, spread evenly over tiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from bench.contract import Dataset
from bench.errors import DataError
from bench.runtime import derive_seed


def random_crops(
    data: Dataset, indices: Sequence[int], n: int, size: int, seed: int
) -> tuple[UInt8[np.ndarray, "n s s 3"], list[str]]:
    """Cut `n` crops of `size` pixels from the tiles `indices`; returns them and the group of each.

    Tiles take turns, in a seeded order, so that their numbers of crops differ by one at most; positions are uniform.

    Raises:
        DataError: a tile is smaller than the crop.
    """
    rng = np.random.default_rng(derive_seed(seed, "crops"))
    order = rng.permutation(np.asarray(indices))
    counts = np.bincount(np.arange(n) % len(order), minlength=len(order))
    crops: list[np.ndarray] = []
    groups: list[str] = []
    for index, count in zip(order, counts, strict=True):
        if count == 0:
            continue
        sample = data[int(index)]
        h, w = sample.image.shape[:2]
        if h < size or w < size:
            raise DataError(
                f"expected tiles of at least {size} px for patches",
                got=f"{sample.id} of {h}x{w}",
                fix="choose a smaller --set patch=N",
            )
        for _ in range(count):
            y, x = int(rng.integers(h - size + 1)), int(rng.integers(w - size + 1))
            crops.append(sample.image[y : y + size, x : x + size])
            groups.append(sample.group)
    return np.stack(crops), groups


def halves_by_group(groups: Sequence[str], rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Split indices into two halves of about equal size that share no group.

    Raises:
        DataError: there is one group only.
    """
    names = sorted(set(groups))
    if len(names) < 2:
        raise DataError("expected at least two groups for a real-versus-real floor", got=f"{len(names)}")
    order = [names[i] for i in rng.permutation(len(names))]
    halves: tuple[list[int], list[int]] = ([], [])
    for name in order:
        smaller = 0 if len(halves[0]) <= len(halves[1]) else 1
        halves[smaller].extend(i for i, group in enumerate(groups) if group == name)
    return halves
