"""Stains mix by the Beer-Lambert law, and slides differ from each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.datasets.phantom.config import PhantomConfig
from bench.datasets.phantom.stains import render_rgb, slide_style

SHAPE = (40, 40)


def test_flat_fields_give_beer_lambert() -> None:
    style = replace(slide_style("a", PhantomConfig()), noise=0.0, sharpening=0.0)
    hematoxylin, eosin = np.full(SHAPE, 0.6, np.float32), np.full(SHAPE, 0.3, np.float32)
    pigment = np.full((*SHAPE, 3), 0.05, np.float32)
    image = render_rgb(hematoxylin, eosin, pigment, style, np.random.default_rng(0))
    density = 0.6 * style.hematoxylin_amount * style.hematoxylin + 0.3 * style.eosin_amount * style.eosin + 0.05
    np.testing.assert_allclose(image.reshape(-1, 3) - style.white * np.exp(-density), 0, atol=0.51)


def test_a_slide_keeps_its_style_and_slides_differ() -> None:
    config = PhantomConfig()
    styles = [slide_style(f"slide-{i}", config) for i in range(60)]
    again = slide_style("slide-0", config)
    np.testing.assert_array_equal(styles[0].hematoxylin, again.hematoxylin)
    assert styles[0].nucleus_size == again.nucleus_size
    # CoNSeP's tiles differ in the mean optical density of a class by about 18 %, in the background's by 40 %
    assert 0.1 < np.std(np.log([s.hematoxylin_amount for s in styles])) < 0.25
    assert 0.18 < np.std(np.log([s.eosin_amount for s in styles])) < 0.4


def test_no_variation_no_difference() -> None:
    config = PhantomConfig(slide_variation=0)
    first, second = slide_style("a", config), slide_style("b", config)
    np.testing.assert_array_equal(first.hematoxylin, second.hematoxylin)
    np.testing.assert_array_equal(first.class_darkness, second.class_darkness)
    assert first.blur == second.blur
    assert first.nucleus_size == second.nucleus_size
