"""Scores of a synthetic set against real images, by name, each with the value that real images reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

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


def memory_scores(train: Features, synthetic: Features, test: Features | None) -> Scores:
    """Return `auth_pct` and `copy_rate`; each training patch counts once. Without a test set, `copy_rate` is NaN."""
    from metrics.memorisation import memorisation

    found = memorisation(train.values, synthetic.values, None if test is None else test.values)
    return {"auth_pct": found.auth_pct, "copy_rate": found.copy_rate}


def floor_of(pool: Features, n: int, run: Run, score: Callable[[Features, Features], Scores]) -> Scores | None:
    """Return the scores of two halves of a pool of real images, `n` of each, that share no slide.

    Scores are means over seeded splits; None if all images are of one slide.
    """
    from metrics.floor import group_floor

    rngs = (run.rng("floor", split) for split in range(FLOOR_SPLITS))
    return group_floor(pool.groups, n, lambda a, b: score(pool.take(a), pool.take(b)), rngs=rngs)


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


def plain(scores: Mapping[str, float] | None) -> dict[str, float | None] | None:
    """Return scores for JSON, which does not support NaN."""
    if scores is None:
        return None
    return {name: float(value) if np.isfinite(value) else None for name, value in scores.items()}
