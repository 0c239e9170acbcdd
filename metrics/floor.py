"""The real-versus-real floor: what a distance says of two samples of the same images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from metrics.features import check_features

Distance = Callable[[Float64[np.ndarray, "n d"], Float64[np.ndarray, "m d"]], float]


@dataclass(frozen=True)
class Floor:
    """Mean and standard deviation of a distance over random splits of the real images into two parts."""

    value: float
    sd: float
    n_reference: int
    n_held_out: int
    n_splits: int


def real_floor(
    real: Float[np.ndarray, "N d"], n: int, distance: Distance, *, rng: np.random.Generator, n_splits: int = 5
) -> Floor:
    """Return what `distance` gives for real images held out from the real images.

    Args:
        real: features of all real images.
        n: size of the synthetic set; as many real images (at most half of them) are held out in each split
        and
            compared with the rest. Fréchet distances depend on these sizes, so a floor holds for one `n`.
        distance: function of two feature sets, for instance `lambda a, b: frechet_distance(a, b).value`.
        rng: draws the splits.
        n_splits: number of splits averaged.

    Raises:
        DataError: the features are unfit, or fewer than four.
    """
    features = check_features(real, "real")
    held_out = min(n, len(features) // 2)
    values = []
    for _ in range(n_splits):
        order = rng.permutation(len(features))
        values.append(distance(features[order[held_out:]], features[order[:held_out]]))
    return Floor(
        value=float(np.mean(values)),
        sd=float(np.std(values, ddof=1)) if n_splits > 1 else float("nan"),
        n_reference=len(features) - held_out,
        n_held_out=held_out,
        n_splits=n_splits,
    )
