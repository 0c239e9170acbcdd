"""Nuclei have the shape of their outline and give way to each other."""

from __future__ import annotations

import numpy as np
import pytest

from bench.datasets.phantom.config import EPITHELIAL, INFLAMMATORY, PhantomConfig
from bench.datasets.phantom.nuclei import Canvas, Outline, new_canvas, paint
from bench.datasets.phantom.stains import slide_style

STYLE = slide_style("a", PhantomConfig())


def canvas() -> Canvas:
    rng = np.random.default_rng(0)
    return new_canvas(np.full((100, 100), 0.1, np.float32), np.full((100, 100), 0.2, np.float32), rng)


def ellipse(y: float, x: float, major: float = 14, minor: float = 9, angle: float = 0.0) -> Outline:
    return Outline(y, x, major, minor, angle, 0.0, np.zeros((3, 2), np.float32))


@pytest.mark.parametrize("angle", [0.0, 0.7, 2.0])
def test_area_and_direction_of_an_ellipse(angle: float) -> None:
    drawn = canvas()
    assert paint(drawn, EPITHELIAL, ellipse(50, 50, angle=angle), STYLE, np.random.default_rng(1))
    ys, xs = np.nonzero(drawn.instances)
    assert len(ys) == pytest.approx(np.pi * 14 * 9, rel=0.03)
    values, vectors = np.linalg.eigh(np.cov(np.stack([xs, ys])))
    assert 2 * np.sqrt(values) == pytest.approx([9, 14], rel=0.03)
    assert abs(vectors[:, 1] @ (np.cos(angle), np.sin(angle))) == pytest.approx(1, abs=0.01)


def test_a_nucleus_is_darker_than_its_surroundings() -> None:
    drawn = canvas()
    paint(drawn, INFLAMMATORY, ellipse(50, 50, 9, 7), STYLE, np.random.default_rng(1))
    inside = drawn.instances > 0
    assert drawn.hematoxylin[inside].mean() > 5 * drawn.hematoxylin[~inside].mean()
    assert drawn.hematoxylin[:20].mean() == pytest.approx(0.1, abs=1e-6)


def test_too_much_overlap_is_refused_and_leaves_no_trace() -> None:
    drawn = canvas()
    rng = np.random.default_rng(2)
    assert paint(drawn, EPITHELIAL, ellipse(50, 50), STYLE, rng)
    before = drawn.hematoxylin.copy(), drawn.instances.copy()
    assert not paint(drawn, EPITHELIAL, ellipse(53, 52), STYLE, rng)
    np.testing.assert_array_equal(drawn.hematoxylin, before[0])
    np.testing.assert_array_equal(drawn.instances, before[1])
    assert drawn.types == [EPITHELIAL]


def test_overlapping_nuclei_share_no_pixel_and_either_may_lie_above() -> None:
    lower_areas = []
    for seed in range(12):
        drawn = canvas()
        rng = np.random.default_rng(seed)
        paint(drawn, EPITHELIAL, ellipse(50, 40), STYLE, rng)
        assert paint(drawn, EPITHELIAL, ellipse(50, 62), STYLE, rng)
        lower_areas.append(int((drawn.instances == 1).sum()))
        assert (drawn.instances == 2).sum() + lower_areas[-1] < 2 * 0.98 * np.pi * 14 * 9
    assert len(set(lower_areas)) == 2


def test_a_nucleus_outside_the_canvas_is_refused() -> None:
    assert not paint(canvas(), EPITHELIAL, ellipse(-40, 50), STYLE, np.random.default_rng(0))
