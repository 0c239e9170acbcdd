"""Stage *fidelity*: the distance of a synthetic set from real patches, its coverage of them, and copies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bench.contract import Dataset
from bench.digest import write_json
from bench.engine.context import Run
from bench.engine.step import Finished, Step
from bench.evaluation.distances.features import Extractor, Features, read_features
from bench.evaluation.distances.numbers import (
    FLOOR_SPLITS,
    NEIGHBOURS,
    Scores,
    colour_scores,
    feature_scores,
    floor_of,
    plain,
)
from bench.synthetic import SyntheticSet

if TYPE_CHECKING:
    from metrics.entry import Metric

# Real patches embedded per synthetic one: both halves of a floor need as many as the set has.
POOL = 3
RESULT = "fidelity.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class Compare(Step):
    """Compare `n` images of a set with as many real patches of one split, in the features of one encoder.

    `asked` is the version of the evaluation that needs the step.
    """

    stage: ClassVar[str] = "fidelity"
    version: ClassVar[int] = 2

    extractor: Extractor
    asked: int
    metrics: tuple[Metric, ...]
    n: int
    patch: int
    data: Dataset
    synthetic: SyntheticSet
    real: Finished
    made: Finished

    @property
    def config(self) -> dict[str, Any]:
        """The encoder, and how many images are compared."""
        config = {"encoder": self.extractor.identity, "n": self.n, "patch": self.patch, "pool": POOL}
        return config | {"floor_splits": FLOOR_SPLITS, "neighbours": NEIGHBOURS}

    @property
    def inputs(self) -> dict[str, str]:
        """Digests of the split and of the set, and keys of their features."""
        features = {"features:real": self.real.key, "features:synthetic": self.made.key}
        return {"real": self.data.digest, "synthetic": self.synthetic.digest, **features}

    @property
    def versions(self) -> dict[str, int]:
        """Versions of the evaluation and of the metrics."""
        computed = {f"metric:{metric.id}": metric.protocol_version for metric in self.metrics}
        return {"evaluation:distances": self.asked, **computed}

    def run(self, folder: Path, context: Run) -> None:
        """Write the scores, and those of real images instead of synthetic ones."""
        scores, floor = self.score(context)
        write_json(folder / RESULT, {"n": self.n, "scores": plain(scores), "floor": plain(floor)})

    def score(self, context: Run) -> tuple[Scores, Scores | None]:
        """Return distances and neighbourhoods, and their floor."""
        return self._compared(context, feature_scores, partial(feature_scores, with_error=False))

    def _compared(
        self,
        context: Run,
        score: Callable[[Features, Features], Scores],
        score_floor: Callable[[Features, Features], Scores],
    ) -> tuple[Scores, Scores | None]:
        pool, made = read_features(self.real.path), read_features(self.made.path)
        scores = score(self.chosen(pool, "real", context), self.chosen(made, "synthetic", context))
        return scores, floor_of(pool, self.n, context, score_floor)

    def chosen(self, features: Features, which: str, context: Run) -> Features:
        """Return a random choice of as many images as are compared."""
        return features.take(np.sort(context.rng(which).permutation(len(features.values))[: self.n]))


class CompareColour(Compare):
    """Compare only colours."""

    def score(self, context: Run) -> tuple[Scores, Scores | None]:
        """Return the distance of colour features and its floor."""
        return self._compared(context, colour_scores, colour_scores)
