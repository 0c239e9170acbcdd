"""Scores of a synthetic set against real images, by name, each with the value that real images reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from bench.engine.context import Run
from bench.evaluation.distances.features import Features

FLOOR_SPLITS = 8
NEIGHBOURS = 5
MANIFOLD = ("precision", "recall", "density", "coverage")

Scores = dict[str, float]


def feature_scores(real: Features, synthetic: Features, *, with_error: bool = True) -> Scores:
    """Return `fd`, `kd`, `kd_se`, precision, recall, density and coverage; NaN if there are too few images.

    Without `with_error`, the error of the kernel distance is left out.
    """
    from metrics.frechet import frechet_distance
    from metrics.kernel import kernel_distance_jackknife
    from metrics.manifold import manifold_scores

    kernel, kernel_se = kernel_distance_jackknife(real.values, synthetic.values, real.groups, synthetic.groups)
    found = {"fd": frechet_distance(real.values, synthetic.values).value, "kd": kernel}
    if with_error:
        found["kd_se"] = kernel_se
    if min(len(real.values), len(synthetic.values)) <= NEIGHBOURS:
        return found | dict.fromkeys(MANIFOLD, float("nan"))
    manifold = manifold_scores(real.values, synthetic.values, k=NEIGHBOURS)
    return found | {name: getattr(manifold, name) for name in MANIFOLD}


def colour_scores(real: Features, synthetic: Features) -> Scores:
    """Return `colour_fd`, the Fréchet distance of colour features."""
    from metrics.frechet import frechet_distance

    return {"colour_fd": frechet_distance(real.values, synthetic.values).value}


def floor_of(pool: Features, n: int, run: Run, score: Callable[[Features, Features], Scores]) -> Scores | None:
    """Return the scores of two halves of a pool of real images, `n` of each, that share no slide.

    Scores are means over seeded splits; None if all images are of one slide.
    """
    from metrics.floor import group_floor

    rngs = (run.rng("floor", split) for split in range(FLOOR_SPLITS))
    return group_floor(pool.groups, n, lambda a, b: score(pool.take(a), pool.take(b)), rngs=rngs)


def plain(scores: Mapping[str, float] | None) -> dict[str, float | None] | None:
    """Return scores for JSON, which does not support NaN."""
    if scores is None:
        return None
    return {name: float(value) if np.isfinite(value) else None for name, value in scores.items()}
