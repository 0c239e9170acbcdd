"""`bench score images`: how far a synthetic set lies from a real one, how varied it is, and whether it copies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bench.errors import DataError
from bench.scoring.images_report import ImagesReport
from bench.scoring.output import number

NEIGHBOURS = 5
FEATURES = "features"

Features = Float[np.ndarray, "n d"]


@dataclass(frozen=True)
class Sets:
    """Features of real, synthetic and, where there are any, unseen real images, of one encoder."""

    real: Features
    synthetic: Features
    test: Features | None
    encoder: str


def score_images(sets: Sets, *, seed: int) -> ImagesReport:
    """Compare the synthetic set with the real one.

    Args:
        sets: the features; at least two rows each.
        seed: of the splits of the floor.

    Raises:
        DataError: features are NaN, too few, or differ in width.
    """
    from metrics.features import check_pair
    from metrics.floor import real_floor
    from metrics.frechet import frechet_distance
    from metrics.kernel import kernel_distance_jackknife
    from metrics.manifold import manifold_scores
    from metrics.memorisation import memorisation

    real, synthetic = check_pair(sets.real, sets.synthetic)
    if sets.test is not None and sets.test.shape[1] != real.shape[1]:
        raise DataError(
            "expected real and test features of one width",
            got=f"{real.shape[1]} and {sets.test.shape[1]} columns",
            fix="extract both with the same encoder",
        )
    sizes = len(real), len(synthetic)
    kernel = kernel_distance_jackknife(
        real, synthetic, [f"real {i}" for i in range(sizes[0])], [f"synthetic {i}" for i in range(sizes[1])]
    )
    floor = None
    if sizes[0] >= 4:
        rng = np.random.default_rng(seed)
        floor = real_floor(real, sizes[1], lambda a, b: frechet_distance(a, b).value, rng=rng).value
    manifold = manifold_scores(real, synthetic, k=NEIGHBOURS) if min(sizes) > NEIGHBOURS else None
    copies = memorisation(real, synthetic, sets.test)
    return ImagesReport(
        fd=frechet_distance(real, synthetic).value,
        fd_floor=floor,
        kd=kernel.value,
        kd_se=number(kernel.se),
        precision=manifold.precision if manifold else None,
        recall=manifold.recall if manifold else None,
        density=manifold.density if manifold else None,
        coverage=manifold.coverage if manifold else None,
        auth_pct=copies.auth_pct,
        copy_rate=number(copies.copy_rate),
        n_real=sizes[0],
        n_synthetic=sizes[1],
        encoder=sets.encoder,
        warnings=list(_warnings(sizes[0], sizes[1], real.shape[1])),
    )


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
        yield f"precision, recall, density, coverage: need more than {NEIGHBOURS} images a side"
