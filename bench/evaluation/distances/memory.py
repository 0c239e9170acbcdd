"""Copies of training patches: the step that compares a set with its training split, and its scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.contract import Dataset
from bench.engine.context import Run
from bench.engine.step import Finished
from bench.evaluation.distances.features import Features, SourcePatches, read_features
from bench.evaluation.distances.numbers import N_DIFFERENT, Scores, different
from bench.evaluation.distances.steps import Compare


@dataclass(frozen=True, kw_only=True, eq=False)
class CompareWithMemory(Compare):
    """Measure distances to the training split, and whether its patches were copied; the generator saw no test split.

    `sources` are the training patches that the set derives from, which it could copy, and `behind` are their features.
    """

    test: Dataset
    unseen: Finished
    sources: SourcePatches | None
    behind: Finished | None

    @property
    def config(self) -> dict[str, Any]:
        """The comparison's settings, and the training patches that the set derives from."""
        return super().config | {"sources": None if self.sources is None else dict(self.sources.config)}

    @property
    def inputs(self) -> dict[str, str]:
        """The comparison's inputs and the test split."""
        inputs = {**super().inputs, "test": self.test.digest, "features:test": self.unseen.key}
        return inputs if self.behind is None else inputs | {"features:sources": self.behind.key}

    def score(self, context: Run) -> tuple[Scores, Scores | None]:
        """Return distances, authenticity and copies, and the scores of new real images instead of the set."""
        scores, floor = super().score(context)
        behind = [] if self.behind is None else [read_features(self.behind.path)]
        train = together([read_features(self.real.path), *behind])
        test = read_features(self.unseen.path)
        made = self.chosen(different(read_features(self.made.path)), "different", context)
        fresh = memory_floor(train, test, self.n, context)
        both = None if floor is None and fresh is None else (floor or {}) | (fresh or {})
        return scores | memory_scores(train, made, test) | {N_DIFFERENT: len(made.values)}, both


def memory_scores(train: Features, synthetic: Features, test: Features | None) -> Scores:
    """Return `auth_pct` and `copy_rate`; equal patches count once. Without a test set, `copy_rate` is NaN."""
    from metrics.memorisation import memorisation

    found = memorisation(train.values, synthetic.values, None if test is None else test.values)
    return {"auth_pct": found.auth_pct, "copy_rate": found.copy_rate}


def memory_floor(train: Features, test: Features, n: int, run: Run) -> Scores | None:
    """Return the scores of test patches instead of synthetic ones: new images, which are not copies.

    One half of the slides is scored, the other serves as unseen images. There is a single split, because the search for
    neighbours in the training set is expensive.
    """
    from metrics.floor import group_floor

    return group_floor(
        test.groups,
        n,
        lambda a, b: memory_scores(train, test.take(a), test.take(b)),
        rngs=[run.rng("floor", "memory")],
    )


def together(parts: Sequence[Features]) -> Features:
    """Return the features of several parts together; an image that occurs several times is kept once."""
    names = [name for part in parts for name in part.names]
    _, first = np.unique(np.array(names), return_index=True)
    joined = Features(
        np.concatenate([part.values for part in parts]), [group for part in parts for group in part.groups], names
    )
    return joined.take(np.sort(first))
