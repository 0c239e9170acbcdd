"""`bench score images`: the distance of a synthetic set from a real one, its variety, and its copies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from bench.errors import DataError
from bench.evaluation.distances.features import Features
from bench.evaluation.distances.memory import memory_scores
from bench.evaluation.distances.numbers import NEIGHBOURS, neighbour_scores
from bench.scoring.images_report import ImagesReport
from bench.scoring.output import number

FEATURES = "features"
# Other arrangements of the same pixels.
_SAME = dict.fromkeys(("three pages of channels", "three samples without a colour space", "array"), "RGB of 8 bits")

Values = Float[np.ndarray, "n d"]


@dataclass(frozen=True)
class Sets:
    """Features of real, synthetic and (if given) unseen real images, by one encoder.

    `rules` are the numbers of each side's image files by the rule that read them.
    """

    real: Values
    synthetic: Values
    test: Values | None
    encoder: str
    rules: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def score_images(sets: Sets, *, seed: int) -> ImagesReport:
    """Return the comparison of the synthetic set with the real one.

    Args:
        sets: the features; at least two rows each.
        seed: seed of the splits of the floor.

    Raises:
        DataError: features are NaN, too few, or differ in width.
    """
    from metrics.features import check_pair
    from metrics.floor import real_floor
    from metrics.frechet import frechet_distance
    from metrics.kernel_groups import grouped_kernel_distance
    from metrics.sources import interval_over_sources

    pair = check_pair(sets.real, sets.synthetic)
    real, synthetic = _named("real", pair[0]), _named("synthetic", pair[1])
    n_real, d = real.values.shape
    n_synthetic = len(synthetic.values)
    if sets.test is not None and sets.test.shape[1] != d:
        raise DataError(
            "Real and test features differ in width",
            got=f"{d} and {sets.test.shape[1]} columns",
            fix="extract both with the same encoder",
        )
    floor = None
    if n_real >= 4:
        rng = np.random.default_rng(seed)
        floor = real_floor(real.values, n_synthetic, lambda a, b: frechet_distance(a, b).value, rng=rng).value
    test = None if sets.test is None else _named("test", sets.test)
    kernel = grouped_kernel_distance(real.values, synthetic.values, real.groups, synthetic.groups).left_out
    found = {
        "fd": frechet_distance(real.values, synthetic.values).value,
        "kd": kernel.value,
        "kd_se": interval_over_sources([kernel]).se,
        **neighbour_scores(real, synthetic),
        **memory_scores(real, synthetic, test),
    }
    return ImagesReport(
        **{name: number(value) for name, value in found.items()},
        fd_floor=floor,
        n_real=n_real,
        n_synthetic=n_synthetic,
        encoder=sets.encoder,
        warnings=[*_warnings(n_real, n_synthetic, d), *_stored_otherwise(sets.rules)],
    )


def _named(side: str, values: Values) -> Features:
    """Return features of files, each of which is its own group."""
    names = [f"{side} {index}" for index in range(len(values))]
    return Features(values, names, names)


def _kinds(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield what was stored, without what was done to it."""
    yield from (rule.partition(",")[0] for rule in counts)


def _stored_otherwise(rules: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Yield how files were read if it differs between the sides in more than alpha or a turn."""
    kinds = [frozenset(_SAME.get(kind, kind) for kind in _kinds(counts)) for counts in rules.values()]
    if len(set(kinds)) > 1:
        sides = (f"{side} {', '.join(f'{n} {rule}' for rule, n in counts.items())}" for side, counts in rules.items())
        yield f"images are not stored in one way, which may move them apart: {'; '.join(sides)}"


def _warnings(n_real: int, n_synthetic: int, d: int) -> Iterator[str]:
    few = [f"{n} {side}" for n, side in ((n_real, "real"), (n_synthetic, "synthetic")) if n <= d]
    if few:
        yield (
            f"fd: {' and '.join(few)} images for {d} dimensions: its covariance is singular and fd is biased upwards; "
            "compare it with fd_floor and with sets of the same sizes, and prefer kd"
        )
    if n_real < 4:
        yield f"fd_floor: needs at least 4 real images, got {n_real}"
    elif n_synthetic > n_real // 2:
        yield (
            f"fd_floor: {n_real // 2} real images are held out for it, fewer than the {n_synthetic} synthetic ones: "
            "the floor is biased upwards more than fd is"
        )
    if min(n_real, n_synthetic) <= NEIGHBOURS:
        yield f"precision, recall, density, coverage: need more than {NEIGHBOURS} images per side"
