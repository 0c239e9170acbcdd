"""Stage *fidelity*: the distance of a synthetic set from real patches, and its coverage of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bench.contract import Dataset
from bench.digest import write_json
from bench.engine.context import Run
from bench.engine.step import Finished, Step
from bench.evaluation.distances.features import Extractor, Features, read_features
from bench.evaluation.distances.numbers import (
    DRAWS,
    MANIFOLD_DRAWS,
    NEIGHBOURS,
    WITHIN_DRAWS,
    Scores,
    colour_scores,
    different,
    extrapolated,
    feature_scores,
    kernel_parts,
    matched_scores,
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
    version: ClassVar[int] = 3

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
        draws = {"draws": DRAWS, "manifold_draws": MANIFOLD_DRAWS, "within_draws": WITHIN_DRAWS}
        return config | draws | {"neighbours": NEIGHBOURS}

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
        found = {"n": self.n, "scores": plain(scores), "floor": plain(floor), "kernel": self.kernel(context)}
        write_json(folder / RESULT, found)

    def score(self, context: Run) -> tuple[Scores, Scores | None]:
        """Return distances and neighbourhoods, and their floor."""
        pool, made = self.features
        scores, floor = matched_scores(pool, made, self.n, context, feature_scores, neighbours=True)
        return scores | extrapolated(pool, made, context), floor

    def kernel(self, context: Run) -> dict[str, Any] | None:
        """Return the kernel distance of all images, and what its interval is computed from."""
        return kernel_parts(*self.features)

    @property
    def features(self) -> tuple[Features, Features]:
        """The features of the different real images and of the different images of the set."""
        return different(read_features(self.real.path)), different(read_features(self.made.path))

    def chosen(self, features: Features, which: str, context: Run) -> Features:
        """Return a random choice of as many images as are compared."""
        return features.take(np.sort(context.rng(which).permutation(len(features.values))[: self.n]))


class CompareColour(Compare):
    """Compare only colours."""

    def score(self, context: Run) -> tuple[Scores, Scores | None]:
        """Return the distance of colour features and its floor."""
        return matched_scores(*self.features, self.n, context, colour_scores, neighbours=False)

    def kernel(self, context: Run) -> None:
        """Return nothing: there is no kernel distance of colours."""
