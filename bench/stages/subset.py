"""Stage *subset*: the first images of a larger set in a seeded order, one set for each ratio of a run.

The order is stratified: its first n images have the composition of the whole set in kinds of patches, classes, tissues
and training tiles, whatever n is. A larger subset contains every smaller one.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from bench.contract import Dataset
from bench.engine.context import Run, derive_seed
from bench.engine.session import Session
from bench.engine.step import Step
from bench.plan.arms import Arm
from bench.stages.chosen import seal_chosen
from bench.stages.synthesize import Made
from bench.synthetic import SyntheticRecord, SyntheticSet


@dataclass(frozen=True, kw_only=True, eq=False)
class Subset(Step):
    """Seal the first `n` images of a set in the order of the step's seed; they keep the set's order among themselves.

    Its key is of the set, the number and the seed; arms that ask for the same share it.
    """

    stage: ClassVar[str] = "subset"

    arm: Arm
    train: Dataset
    whole: Made
    n: int

    @property
    def config(self) -> dict[str, Any]:
        """The number of images."""
        return {"n": self.n}

    @property
    def inputs(self) -> dict[str, str]:
        """Key of the step that made the set, and digest of the training split."""
        return {"train": self.train.digest, "set": self.whole.finished.key}

    def run(self, folder: Path, context: Run) -> None:
        """Copy the images."""
        whole = self.whole.set
        first = cumulative_order(whole.metadata, context.seed)[: self.n]
        rank = {index: place for place, index in enumerate(first)}
        chosen = sorted(first)
        manifest = {
            "variant": self.arm.variant,
            "seed": whole.manifest.get("seed", context.seed),
            "subset": {"of": whole.digest, "first": self.n, "order_seed": context.seed},
        }
        seal_chosen([whole], chosen, [rank[index] for index in chosen], self.train, manifest, folder, context)


async def first_of(session: Session, arm: Arm, train: Dataset, whole: Made, n: int, seed: int, title: str) -> Made:
    """Return the first `n` images of a set in a seeded order; the set itself if it has no more."""
    if n >= len(whole.set):
        return whole
    step = Subset(
        place=session.numeric,
        seed=seed,
        title=f"{arm.title}, {n} of {len(whole.set)} patches, {title}",
        arm=arm,
        train=train,
        whole=whole,
        n=n,
    )
    finished = await session.do(step)
    return Made(finished, SyntheticSet(finished.path))


def cumulative_order(records: Sequence[SyntheticRecord], seed: int) -> list[int]:
    """Return the images in the order in which subsets of growing size take them."""
    kinds = [(record.kind, str(record.label), record.tissue or "", record.tile or "") for record in records]
    return stratified_order(kinds, np.random.default_rng(derive_seed(seed, "subset")))


def stratified_order(kinds: Sequence[Sequence[Hashable]], rng: np.random.Generator) -> list[int]:
    """Return a random order whose beginnings have the composition of the whole.

    Args:
        kinds: the kinds of each item, from the coarsest to the finest; items of a coarser kind are as evenly spread
            over its finer kinds as they can be.
        rng: draws the order of items of the same kinds, and of kinds that are equally due.

    >>> order = stratified_order([("a",)] * 6 + [("b",)] * 3, np.random.default_rng(0))
    >>> [sorted("ab"[index > 5] for index in order[n : n + 3]) for n in (0, 3, 6)]
    [['a', 'a', 'b'], ['a', 'a', 'b'], ['a', 'a', 'b']]
    """
    return _ordered(list(range(len(kinds))), kinds, 0, rng)


def _ordered(items: list[int], kinds: Sequence[Sequence[Hashable]], depth: int, rng: np.random.Generator) -> list[int]:
    """Order items that share their kinds up to a depth."""
    if not items or depth == len(kinds[items[0]]):
        return [items[place] for place in rng.permutation(len(items))]
    members: dict[Hashable, list[int]] = {}
    for item in items:
        members.setdefault(kinds[item][depth], []).append(item)
    due: list[tuple[float, float, int]] = []
    for of_kind in members.values():
        ordered = _ordered(of_kind, kinds, depth + 1, rng)
        # the i-th of m items is due when the share (i + 1/2) / m of all items is taken
        due += [((place + 0.5) / len(ordered), float(rng.random()), item) for place, item in enumerate(ordered)]
    return [item for _, _, item in sorted(due)]
