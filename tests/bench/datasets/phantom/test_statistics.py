"""The phantom's nuclei are as large, as many and as dark as CoNSeP's, class by class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from jaxtyping import Float64
from scipy import ndimage

from bench.datasets.phantom.config import PhantomConfig
from bench.datasets.phantom.draw import draw_tile

# Measured on CoNSeP (Graham et al. 2019), all 41 tiles, cut into 16 crops of 256 x 256 px each at 0, 256, 512 and 744
# px, parts of at least 10 px counted: median area in px and nuclei a crop. Mean optical density -ln(max(I, 1) / 255)
# of R, G and B: of a nucleus over its whole 1000 px tile's instance, averaged over the class; of unlabelled pixels,
# averaged over crops. Images had been through JPEG at about quality 75.
AREA = {1: 79.0, 2: 173.0, 3: 312.0, 4: 170.0}
PER_CROP = {2: 9.62, 3: 15.73, 4: 15.97}
ALL_PER_CROP = 42.9
DENSITY = {1: (0.715, 1.153, 0.499), 2: (0.800, 1.159, 0.451), 3: (0.469, 0.784, 0.293), 4: (0.458, 0.745, 0.311)}
BACKGROUND = (0.164, 0.350, 0.157)

WITHIN = 0.20
RARE_SHARE = (0.02, 0.05)


@dataclass
class Measured:
    """Statistics of a set of tiles: area, class and optical density of each nucleus, and of the background."""

    tiles: int
    areas: Float64[np.ndarray, " n"]
    types: np.ndarray
    densities: Float64[np.ndarray, "n 3"]
    background: Float64[np.ndarray, "3"]


def measure(n: int) -> Measured:
    """Measure `n` tiles, each of its own slide, so that no slide's stain weighs more than another's."""
    areas, types, densities, background = [], [], [], []
    for index in range(n):
        tile = draw_tile(index, f"slide-{index}", config=PhantomConfig())
        density = -np.log(np.maximum(tile.image, 1) / 255.0)
        background.append(density[tile.instances == 0].mean(axis=0))
        if len(tile.types) == 0:
            continue
        ids = np.arange(1, len(tile.types) + 1)
        areas.append(np.bincount(tile.instances.ravel(), minlength=len(ids) + 1)[1:])
        types.append(tile.types)
        densities.append(np.stack([ndimage.mean(density[..., c], tile.instances, ids) for c in range(3)], axis=1))
    return Measured(
        n, np.concatenate(areas), np.concatenate(types), np.concatenate(densities), np.mean(background, axis=0)
    )


@pytest.fixture(scope="module")
def measured() -> Measured:
    return measure(64)


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_area(measured: Measured, kind: int) -> None:
    assert np.median(measured.areas[measured.types == kind]) == pytest.approx(AREA[kind], rel=WITHIN)


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_optical_density(measured: Measured, kind: int) -> None:
    mean = measured.densities[measured.types == kind].mean(axis=0)
    np.testing.assert_allclose(mean, DENSITY[kind], rtol=WITHIN)


def test_background(measured: Measured) -> None:
    np.testing.assert_allclose(measured.background, BACKGROUND, rtol=WITHIN)


def test_nuclei_a_tile(measured: Measured) -> None:
    assert len(measured.types) / measured.tiles == pytest.approx(ALL_PER_CROP, rel=WITHIN)


def test_rare_class(measured: Measured) -> None:
    assert RARE_SHARE[0] < np.mean(measured.types == 1) < RARE_SHARE[1]


def test_classes_overlap_in_looks(measured: Measured) -> None:
    """No class can be told by darkness or size alone, or the types would need no network."""
    epithelial, inflammatory = (measured.types == kind for kind in (3, 2))
    darkest = np.quantile(measured.densities[epithelial, 1], 0.95)
    assert np.mean(measured.densities[inflammatory, 1] < darkest) > 0.2
    assert np.mean(measured.areas[epithelial] < np.median(measured.areas[inflammatory])) > 0.1


@pytest.mark.slow
def test_nuclei_of_a_class_a_tile() -> None:
    """Counts of a class vary much from tile to tile, so this needs more tiles than the rest."""
    many = measure(240)
    for kind, expected in PER_CROP.items():
        assert np.sum(many.types == kind) / many.tiles == pytest.approx(expected, rel=WITHIN)
