"""The division of a dataset without official splits: seeded, by whole groups, within each stratum."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from bench.contract import Settings
from bench.errors import DataError

Stratify = Literal["none", "label", "tissue"]


class Division(Settings):
    """The division of a dataset: `test` is the share of samples that is held out, up to the size of one group.

    `stratify` keeps the shares of image-level classes or of tissues. The papers do not publish assignments: 8 : 2 is
    their ratio, the seed is ours.
    """

    test: float = Field(default=0.2, gt=0, lt=1)
    seed: int = 0
    stratify: Stratify = "none"


def divide(
    groups: Sequence[str], division: Division, strata: Sequence[str] | None = None
) -> tuple[list[int], list[int]]:
    """Return the indices of training and test samples, both ascending; no group is in both.

    A group belongs to its most frequent stratum. Within a stratum groups go to the test split in a seeded order, each
    that brings its share nearer to the requested one. The order of samples does not matter.

    Args:
        groups: slide, patient or article of each sample.
        division: share, seed.
        strata: class or tissue of each sample; None for one stratum.

    Raises:
        DataError: there are fewer than two groups.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    if len(members) < 2:
        raise DataError("There are fewer than two groups to divide", got=f"{len(members)}")
    of_stratum: dict[str, list[str]] = defaultdict(list)
    for group in sorted(members):
        kinds = Counter("" if strata is None else strata[index] for index in members[group])
        of_stratum[min(kinds, key=lambda kind: (-kinds[kind], kind))].append(group)
    rng = np.random.default_rng(division.seed)
    held_out: set[str] = set()
    for stratum in sorted(of_stratum):
        held_out |= _held_out([(g, len(members[g])) for g in of_stratum[stratum]], division.test, rng)
    if not held_out:  # strata of one group each: none reached its share
        held_out = _held_out([(g, len(members[g])) for g in sorted(members)], division.test, rng)
    test = [index for index, group in enumerate(groups) if group in held_out]
    return [index for index, group in enumerate(groups) if group not in held_out], test


def _held_out(sizes: list[tuple[str, int]], share: float, rng: np.random.Generator) -> set[str]:
    wanted = share * sum(size for _, size in sizes)
    chosen, total = set(), 0
    for position in rng.permutation(len(sizes)):
        group, size = sizes[position]
        if abs(total + size - wanted) < abs(total - wanted):
            chosen.add(group)
            total += size
    return chosen
