"""Regions and places follow the kind of tissue."""

from __future__ import annotations

import numpy as np
import pytest

from bench.datasets.phantom.architecture import SCENE_SHARES, SCENES, Architecture
from bench.datasets.phantom.config import EPITHELIAL, SPINDLE
from bench.datasets.phantom.layout import arrange, density_field, expected_counts, sample_places

SHAPE = (200, 220)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_masks_and_counts(scene: Architecture) -> None:
    rng = np.random.default_rng(0)
    layout = arrange(scene, SHAPE, rng)
    for mask in (layout.epithelium, layout.lumen):
        assert mask.shape == SHAPE
        assert mask.min() >= 0
        assert mask.max() <= 1
    counts = expected_counts(scene, layout)
    assert all(count >= 0 for count in counts.values())
    assert (counts[EPITHELIAL] > 0.5) == (scene.glands != "none")


def test_epithelial_nuclei_lie_in_epithelium_and_spindles_outside() -> None:
    scene = next(scene for scene in SCENES if scene.name == "nests")
    rng = np.random.default_rng(3)
    layout = arrange(scene, SHAPE, rng)
    for kind, sign in ((EPITHELIAL, 1), (SPINDLE, -1)):
        places = sample_places(density_field(kind, scene, layout, rng), 200, rng).astype(int)
        assert (sign * layout.depth[places[:, 0], places[:, 1]] > 0).mean() > 0.95


def test_places_follow_the_density() -> None:
    field = np.zeros((60, 60), np.float32)
    field[:, 30:] = 1
    field[30:, 30:] = 3
    y, x = sample_places(field, 4000, np.random.default_rng(0)).T
    assert (x >= 30).all()
    assert np.mean(y >= 30) == pytest.approx(0.75, abs=0.03)


def test_no_density_no_places() -> None:
    assert len(sample_places(np.zeros((20, 20), np.float32), 10, np.random.default_rng(0))) == 0


def test_shares_are_shares() -> None:
    assert len(SCENE_SHARES) == len(SCENES)
    assert SCENE_SHARES.sum() == pytest.approx(1)
