"""The real-versus-real floor: the distance between two samples of the same images.

If the slides of the images are known, :func:`group_floor` separates the two samples by slide, like a synthetic set
of unseen tissue; :func:`real_floor` is for images without this information.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64

from bench.errors import DataError
from metrics.features import check_features

Distance = Callable[[Float64[np.ndarray, "n d"], Float64[np.ndarray, "m d"]], float]
Half = Int64[np.ndarray, " n"]


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
    """Return the distance of real images that are held out from the real images.

    Args:
        real: features of all real images.
        n: size of the synthetic set; as many real images (at most half of them) are held out in each split and
            compared with the rest. Fréchet distances depend on these sizes, so a floor holds for one `n`.
        distance: function of two feature sets, for instance `lambda a, b: frechet_distance(a, b).value`.
        rng: draws the splits.
        n_splits: number of splits averaged.

    Raises:
        DataError: the features are invalid, or fewer than four.

    >>> apart = lambda a, b: abs(float(a.mean() - b.mean()))
    >>> round(real_floor(np.arange(8.0)[:, None], 4, apart, rng=np.random.default_rng(0)).value, 4)
    1.1
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


def group_floor(
    groups: Sequence[str],
    n: int,
    compare: Callable[[Half, Half], Mapping[str, float]],
    *,
    rngs: Iterable[np.random.Generator],
) -> dict[str, float] | None:
    """Return the mean of several scores over splits of real images in two halves that share no group.

    Args:
        groups: slide or patient of each image.
        n: size of the synthetic set; as many images of each half (all, if it has fewer) are compared.
        compare: scores of two samples, given as indices of images: the first stands for the real images.
        rngs: one generator per split.

    Returns:
        The scores by name; None if all images are of one group. A score that is NaN in a split is left out there.

    >>> sizes = lambda first, second: {"n": float(len(first) + len(second))}
    >>> group_floor(["a", "a", "b", "b"], 9, sizes, rngs=[np.random.default_rng(0)])
    {'n': 4.0}
    """
    if len(set(groups)) < 2:
        return None
    found: dict[str, list[float]] = {}
    for rng in rngs:
        first, second = (rng.permutation(half)[:n] for half in halves_by_group(groups, rng))
        for name, value in compare(first, second).items():
            found.setdefault(name, []).append(value)
    return {name: _mean(values) for name, values in found.items()}


def halves_by_group(groups: Sequence[str], rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Return indices of two halves of about equal size that share no group.

    Raises:
        DataError: there is only one group.

    >>> halves_by_group(["a", "b", "a", "b"], np.random.default_rng(0))
    ([0, 2], [1, 3])
    """
    names = sorted(set(groups))
    if len(names) < 2:
        raise DataError("A real-versus-real floor needs at least two groups", got=f"{len(names)}")
    order = [names[i] for i in rng.permutation(len(names))]
    halves: tuple[list[int], list[int]] = ([], [])
    for name in order:
        smaller = 0 if len(halves[0]) <= len(halves[1]) else 1
        halves[smaller].extend(i for i, group in enumerate(groups) if group == name)
    return halves


def _mean(values: Sequence[float]) -> float:
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")
