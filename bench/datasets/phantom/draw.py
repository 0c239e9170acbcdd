"""A nucleus tile of the phantom, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Int32, UInt8
from scipy import ndimage

from bench.datasets.phantom.architecture import Architecture, random_scene
from bench.datasets.phantom.background import background
from bench.datasets.phantom.captions import tile_caption
from bench.datasets.phantom.config import EPITHELIAL, INFLAMMATORY, MISCELLANEOUS, SPINDLE, PhantomConfig
from bench.datasets.phantom.distractors import add_distractors
from bench.datasets.phantom.layout import (
    MARGIN,
    Layout,
    arrange,
    density_field,
    expected_counts,
    sample_places,
)
from bench.datasets.phantom.nuclei import Canvas, new_canvas, paint, random_outline
from bench.datasets.phantom.randomness import generator
from bench.datasets.phantom.stains import SlideStyle, render_rgb, slide_style

MINIMUM_AREA = 10
"""Smallest visible part of a nucleus, in px, that keeps its label."""


@dataclass(frozen=True)
class PhantomTile:
    """One drawn tile: RGB image, instance map with ids 1..n, class of each instance in 1..4, caption."""

    image: UInt8[np.ndarray, "h w 3"]
    instances: Int32[np.ndarray, "h w"]
    types: UInt8[np.ndarray, " n"]
    caption: str


def draw_tile(seed: int, group: str, size: int = 256, *, config: PhantomConfig) -> PhantomTile:
    """Return one tile of a slide at 0.25 micrometres per pixel.

    Args:
        seed: number of the tile; another seed gives another tile of the same slide.
        group: name of the slide, which fixes stains, scanner and the look of nuclei.
        size: side of the tile in px.
        config: the phantom's configuration.

    The tile is cut from a larger canvas, so nuclei and glands cross its border as in a real one. Each
    instance is one 8-connected region of at least 10 px. A pure function of its arguments.
    """
    style = slide_style(group, config)
    rng = generator("tile", config.seed, group, seed, size)
    scene = random_scene(style, config, rng)
    canvas = draw_canvas(scene, (size + 2 * MARGIN, size + 2 * MARGIN), style, config, rng)
    image = crop(render_rgb(canvas.hematoxylin, canvas.eosin, canvas.pigment, style, rng))
    instances, types = _clean(crop(canvas.instances), canvas.types)
    return PhantomTile(image, instances, types, tile_caption(scene.name, types, size))


def draw_canvas(
    scene: Architecture,
    shape: tuple[int, int],
    style: SlideStyle,
    config: PhantomConfig,
    rng: np.random.Generator,
) -> Canvas:
    """Draw background, distractors and nuclei of a kind of tissue onto a canvas of the given shape."""
    layout = arrange(scene, shape, rng)
    canvas = new_canvas(*background(scene, layout, style, rng), rng)
    add_distractors(canvas, scene, config.distractors, rng)
    for kind in (SPINDLE, EPITHELIAL, INFLAMMATORY, MISCELLANEOUS):
        _populate(canvas, kind, scene, layout, style, rng)
    return canvas


def crop(field: np.ndarray) -> np.ndarray:
    """Cut the margin off a canvas."""
    return np.ascontiguousarray(field[MARGIN:-MARGIN, MARGIN:-MARGIN])


def _populate(
    canvas: Canvas,
    kind: int,
    scene: Architecture,
    layout: Layout,
    style: SlideStyle,
    rng: np.random.Generator,
) -> None:
    """Place nuclei of one class until its number is reached or three times as many places were tried."""
    wanted = int(rng.poisson(expected_counts(scene, layout)[kind]))
    places = sample_places(density_field(kind, scene, layout, rng), 3 * wanted, rng)
    painted = 0
    for y, x in places:
        if painted == wanted:
            break
        angle = _direction(kind, layout, int(y), int(x), rng)
        outline = random_outline(kind, float(y), float(x), angle, style, rng)
        painted += paint(canvas, kind, outline, style, rng)


def _direction(kind: int, layout: Layout, y: int, x: int, rng: np.random.Generator) -> float:
    """Return directions: spindles follow the fibres, epithelium stands on its base, others are random."""
    if kind == SPINDLE:
        return float(layout.fibre[y, x] + rng.normal(0, 0.18))
    if kind == EPITHELIAL and rng.random() < 0.8:
        return float(layout.inward[y, x] + rng.normal(0, 0.35))
    return float(rng.uniform(0, np.pi))


def _clean(
    instances: Int32[np.ndarray, "h w"], types: list[int]
) -> tuple[Int32[np.ndarray, "h w"], UInt8[np.ndarray, " n"]]:
    """Keep the largest connected part of each nucleus, drop those that vanish, and number the rest 1..n."""
    cleaned = np.zeros_like(instances)
    kept: list[int] = []
    for label, window in enumerate(ndimage.find_objects(instances), start=1):
        if window is None:
            continue
        mask = (instances[window] == label).astype(np.uint8)
        n, parts, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        largest = 1 + int(np.argmax(stats[1:n, cv2.CC_STAT_AREA]))
        if stats[largest, cv2.CC_STAT_AREA] < MINIMUM_AREA:
            continue
        kept.append(types[label - 1])
        cleaned[window][parts == largest] = len(kept)
    return cleaned, np.asarray(kept, dtype=np.uint8)
