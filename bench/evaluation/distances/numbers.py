"""Scores of a synthetic set against real images, by name, each with the value that real images reach."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from bench.engine.context import Run
from bench.evaluation.distances.features import Features

DRAWS = 20
MANIFOLD_DRAWS = 8
WITHIN_DRAWS = 5
NEIGHBOURS = 5
MANIFOLD = ("precision", "recall", "density", "coverage")

N_DIFFERENT = "n_different"
"""Among the scores: the number of different images that were looked at for copies."""

Scores = dict[str, float]


class Floor(NamedTuple):
    """The mean of a distance between unseen real images, and the range of fresh slides."""

    mean: float | None
    low: float | None
    high: float | None


Score = Callable[[Features, Features], Scores]


def different(features: Features) -> Features:
    """Return the features without images that occurred before: of the same name, or with the same features."""
    from metrics.memorisation import different as different_rows

    _, of_name = np.unique(np.array(features.names), return_index=True)
    named = features.take(np.sort(of_name))
    return named.take(different_rows(named.values))


def feature_scores(real: Features, synthetic: Features) -> Scores:
    """Return `fd`, `kd`, and `kd_all`, the kernel distance over all pairs, which is never negative."""
    from metrics.frechet import frechet_distance
    from metrics.kernel_groups import grouped_kernel_distance

    kernel = grouped_kernel_distance(real.values, synthetic.values, real.groups, synthetic.groups)
    fd = frechet_distance(real.values, synthetic.values).value
    return {"fd": fd, "kd": kernel.value, "kd_all": kernel.all_pairs}


def neighbour_scores(real: Features, synthetic: Features) -> Scores:
    """Return precision, recall, density and coverage; NaN if there are too few images."""
    from metrics.manifold import manifold_scores

    if min(len(real.values), len(synthetic.values)) <= NEIGHBOURS:
        return dict.fromkeys(MANIFOLD, float("nan"))
    manifold = manifold_scores(real.values, synthetic.values, k=NEIGHBOURS)
    return {name: getattr(manifold, name) for name in MANIFOLD}


def colour_scores(real: Features, synthetic: Features) -> Scores:
    """Return `colour_fd`, the Fréchet distance of colour features."""
    from metrics.frechet import frechet_distance

    return {"colour_fd": frechet_distance(real.values, synthetic.values).value}


def matched_scores(
    pool: Features, made: Features, n: int, run: Run, score: Score, *, neighbours: bool
) -> tuple[Scores, Scores | None]:
    """Return the scores of a set, and those of unseen real images, against the same halves of the real slides.

    Args:
        pool: features of real images.
        made: features of the set.
        n: most images of each sample.
        run: draws the halves.
        score: compares two samples.
        neighbours: whether to add the scores of nearest neighbours, in the first eight draws.

    Returns:
        the means over draws, with `n` images of each sample of `d` features, and the floors: under the name of a
        distance its mean, and with `_low`, `_high` and `_within` its range and its value within slides. All scores
        are NaN for fewer than two images. There is no floor if all real images are of one slide.
    """
    from metrics.fresh_range import fresh_range
    from metrics.matched import matched_draws

    sizes = {"n": float(min(n, len(made.values), len(pool.values))), "d": float(pool.values.shape[1])}
    if sizes["n"] < 2:
        return sizes, None
    rngs = [run.rng("floor", draw) for draw in range(DRAWS)]
    design = matched_draws(pool.groups, made.groups, n, rngs=rngs)
    if design is None or design.n < 2:
        one = [(_some(pool, n, rngs[0]), _some(made, n, rngs[0]))]
        return sizes | _means(score, one) | (_means(neighbour_scores, one) if neighbours else {}), None
    arm = [(pool.take(draw.half), made.take(draw.made)) for draw in design.draws]
    real = [(pool.take(draw.half), pool.take(draw.other)) for draw in design.draws]
    scores = sizes | {"n": float(design.n)} | _means(score, arm)
    floors = [score(first, second) for first, second in real]
    found = _mean_of(floors)
    within = _within_slides(pool, design.n, run, score)
    for kind in [kind for kind in found if kind != "kd_all"]:
        values, inside = [floor[kind] for floor in floors], within.get(kind)
        if kind == "kd":
            limits = fresh_range(values, design, all_pairs=[floor["kd_all"] for floor in floors])
        else:
            limits = fresh_range(values, design, within=inside)
        if limits is not None:
            found |= {f"{kind}_low": limits.low, f"{kind}_high": limits.high}
        if inside is not None:
            found[f"{kind}_within"] = inside
    if neighbours:
        scores |= _means(neighbour_scores, arm[:MANIFOLD_DRAWS])
        found |= _means(neighbour_scores, real[:MANIFOLD_DRAWS])
    return scores | _about_slides(pool, made, run), found


def kernel_parts(pool: Features, made: Features) -> dict[str, Any] | None:
    """Return the kernel distance of all images, for JSON, with what is left when each slide is left out."""
    from metrics.kernel_groups import grouped_kernel_distance

    if min(len(pool.values), len(made.values)) < 2:
        return None
    found = grouped_kernel_distance(pool.values, made.values, pool.groups, made.groups).left_out
    sides = [{name: value for name, value in side.items() if np.isfinite(value)} for side in found.sides]
    return {"value": found.value, "sides": sides, "twice": list(found.twice), "n": len(made.values)}


def extrapolated(pool: Features, made: Features, run: Run) -> Scores:
    """Return `fd_inf`, the Fréchet distance at infinite n; NaN if there are too few images."""
    from metrics.frechet_infinity import frechet_infinity

    if min(len(pool.values), len(made.values)) < 2:
        return {"fd_inf": float("nan")}
    return {"fd_inf": frechet_infinity(pool.values, made.values, rng=run.rng("infinite"))}


def standing(value: float | None, floor: Floor, *, loses: bool = False, own: bool = False) -> str:
    """Return where a distance is in relation to a floor's range: below, on or above; empty without a range.

    A set that `loses` the variation within slides is above, because it is not like real images however near it is. A
    set that reproduces its `own` slides is below if it is nearer than the floor, however few slides there are.
    """
    if value is None or floor.mean is None or floor.low is None or floor.high is None:
        return ""
    if loses or value > floor.high:
        return "above"
    return "below" if value < floor.low or (own and value < floor.mean) else "on"


def plain(scores: Mapping[str, float] | None) -> dict[str, float | None] | None:
    """Return scores for JSON, which does not support NaN."""
    if scores is None:
        return None
    return {name: float(value) if np.isfinite(value) else None for name, value in scores.items()}


def _some(features: Features, n: int, rng: np.random.Generator) -> Features:
    return features.take(np.sort(rng.permutation(len(features.values))[:n]))


def _means(score: Score, pairs: Iterable[tuple[Features, Features]]) -> Scores:
    return _mean_of([score(first, second) for first, second in pairs])


def _mean_of(found: Sequence[Scores]) -> Scores:
    return {kind: float(np.mean([scores[kind] for scores in found])) for kind in found[0]}


def _within_slides(pool: Features, n: int, run: Run, score: Score) -> Scores:
    """Return the scores of two halves of the images of every slide; empty if the halves are too small."""
    pairs = []
    groups = np.array(pool.groups)
    for draw in range(WITHIN_DRAWS):
        order = run.rng("within", draw).permutation(len(groups))
        turn = dict.fromkeys(pool.groups, 0)
        sides: tuple[list[int], list[int]] = ([], [])
        for row in order.tolist():
            sides[turn[groups[row]] % 2].append(row)
            turn[groups[row]] += 1
        pairs.append(tuple(pool.take(np.array(side[:n], dtype=np.int64)) for side in sides))
    if min(len(side.values) for pair in pairs for side in pair) < n:
        return {}
    return _means(score, [(first, second) for first, second in pairs])


def _about_slides(pool: Features, made: Features, run: Run) -> Scores:
    """Return the ratio of variations within slides with its interval, and whether a set reproduces its slides."""
    from metrics.matched import number_of_slides
    from metrics.own_slides import own_slides
    from metrics.slide_spread import slide_spread

    if not number_of_slides(made.groups):
        return {}
    sides = pool.values, made.values, pool.groups, made.groups
    found, own = slide_spread(*sides), own_slides(*sides, rng=run.rng("own slides"))
    scores = {} if found is None else {"spread": found.value, "spread_low": found.low, "spread_high": found.high}
    return scores if own is None else scores | {"own_slides_p": own}
