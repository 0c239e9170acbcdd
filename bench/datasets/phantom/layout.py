"""Arrangement: where epithelium, lumens and stroma are, and where each class of nucleus may be."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from bench.datasets.phantom.architecture import Architecture
from bench.datasets.phantom.config import EPITHELIAL, INFLAMMATORY, MISCELLANEOUS, SPINDLE
from bench.datasets.phantom.texture import Field, smooth_noise, soft_step

MARGIN = 40
"""Pixels drawn beyond each border of a tile, so that nuclei and glands cross it."""

UNIT = 256.0 * 256.0
"""Pixels that densities refer to."""


@dataclass(frozen=True)
class Layout:
    """Regions of a tile.

    `epithelium` and `lumen` are soft masks in [0, 1], `depth` the distance in px from the epithelium's edge
    (positive inside, negative outside), `fibre` the local direction of stroma in radians.
    """

    epithelium: Field
    lumen: Field
    depth: Field
    inward: Field
    fibre: Field
    wall: float


def arrange(scene: Architecture, shape: tuple[int, int], rng: np.random.Generator) -> Layout:
    """Lay out the regions of a tile of the given kind of tissue."""
    height = _epithelium_height(scene, shape, rng)
    inside = height > 0
    depth = _signed_distance(inside)
    smooth = cv2.GaussianBlur(depth, (0, 0), 4)
    gy, gx = np.gradient(smooth)
    wall = float(rng.uniform(20, 48)) if scene.glands != "crypts" else float(rng.uniform(40, 52))
    fibre = rng.uniform(0, np.pi) + (0.8 - 0.65 * scene.straight) * smooth_noise(rng, shape, 55)
    if scene.straight < 0.9:
        fibre = fibre + 0.40 * (1 - scene.straight) * smooth_noise(rng, shape, 12)
        fibre = _hugging(np.asarray(fibre, np.float32), gy, gx, depth)
    return Layout(
        epithelium=soft_step(depth, 0.8),
        lumen=_lumen(scene, depth, wall, rng),
        depth=depth,
        inward=np.asarray(np.arctan2(gy, gx), dtype=np.float32),
        fibre=np.asarray(fibre, dtype=np.float32),
        wall=wall,
    )


def expected_counts(scene: Architecture, layout: Layout) -> dict[int, float]:
    """Return how many nuclei of each class the canvas should hold on average."""
    full = float((layout.epithelium * (1 - layout.lumen)).sum()) / UNIT
    stroma = float((1 - layout.epithelium).sum()) / UNIT
    whole = layout.depth.size / UNIT
    return {
        EPITHELIAL: scene.epithelial * full,
        SPINDLE: scene.spindle * stroma,
        INFLAMMATORY: scene.inflammatory * (stroma + 0.15 * full),
        MISCELLANEOUS: scene.miscellaneous * whole,
    }


def density_field(kind: int, scene: Architecture, layout: Layout, rng: np.random.Generator) -> Field:
    """Return where nuclei of a class tend to be, as a relative density of at least 0."""
    shape = (layout.depth.shape[0], layout.depth.shape[1])
    tissue = layout.epithelium * (1 - layout.lumen)
    stroma = np.where(layout.depth < -4, 1 - layout.epithelium, 0.0)
    if kind == EPITHELIAL:
        field = tissue * (layout.depth > 5) * _palisade(scene, layout, rng)
    elif kind == SPINDLE:
        field = stroma * np.exp(0.4 * smooth_noise(rng, shape, 30))
    elif kind == INFLAMMATORY:
        crowds = np.exp(scene.clustering * smooth_noise(rng, shape, 34))
        field = (stroma + 0.12 * tissue) * crowds
    else:
        crowds = np.exp(1.2 * smooth_noise(rng, shape, 28))
        field = (0.6 * stroma + tissue + 0.8 * layout.lumen) * crowds
    return np.asarray(field, dtype=np.float32)


def sample_places(field: Field, n: int, rng: np.random.Generator) -> Float32[np.ndarray, "n 2"]:
    """Draw `n` places (y, x) in px with probability proportional to a density field."""
    h, w = field.shape
    coarse = cv2.resize(field, (w // 2, h // 2), interpolation=cv2.INTER_AREA)
    total = np.cumsum(coarse.ravel(), dtype=np.float64)
    if n == 0 or total[-1] <= 0:
        return np.zeros((0, 2), dtype=np.float32)
    picked = np.searchsorted(total, rng.uniform(0, total[-1], n), side="right")
    y, x = np.divmod(np.minimum(picked, coarse.size - 1), w // 2)
    return np.asarray(2 * np.stack([y, x], axis=1) + rng.uniform(0, 2, (n, 2)), dtype=np.float32)


def _epithelium_height(scene: Architecture, shape: tuple[int, int], rng: np.random.Generator) -> Field:
    """Return a field that is positive in epithelium."""
    if scene.glands == "none":
        return np.full(shape, -1.0, dtype=np.float32)
    if scene.glands in ("nests", "sheet"):
        sigma = float(rng.uniform(24, 42)) if scene.glands == "nests" else 60.0
        field = smooth_noise(rng, shape, sigma) + 0.18 * smooth_noise(rng, shape, 8)
        return np.asarray(field - np.quantile(field, 1 - scene.cover), dtype=np.float32)
    ys, xs = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    warp = 6.0 if scene.glands == "crypts" else 15.0
    ys = ys + warp * smooth_noise(rng, shape, 26) + 2.5 * smooth_noise(rng, shape, 8)
    xs = xs + warp * smooth_noise(rng, shape, 26) + 2.5 * smooth_noise(rng, shape, 8)
    field = np.full(shape, -1e3, dtype=np.float32)
    for y, x, major, minor, angle in _gland_ellipses(scene, shape, rng):
        cos, sin = np.cos(angle), np.sin(angle)
        u, v = (xs - x) * cos + (ys - y) * sin, (ys - y) * cos - (xs - x) * sin
        field = np.maximum(field, (1 - np.hypot(u / major, v / minor)) * minor)
    return field


def _gland_ellipses(
    scene: Architecture, shape: tuple[int, int], rng: np.random.Generator
) -> list[tuple[float, float, float, float, float]]:
    """Return ellipses that cover the given share of the tile; neighbours may fuse a little."""
    round_ones = scene.glands == "crypts"
    ellipses: list[tuple[float, float, float, float, float]] = []
    covered, wanted = 0.0, scene.cover * shape[0] * shape[1]
    for _ in range(60):
        major = float(rng.uniform(58, 82) if round_ones else rng.uniform(45, 120))
        minor = major * float(rng.uniform(0.78, 1.0) if round_ones else rng.uniform(0.45, 0.95))
        y, x = rng.uniform(-30, shape[0] + 30), rng.uniform(-30, shape[1] + 30)
        near = any(np.hypot(y - e[0], x - e[1]) < 0.85 * (minor + e[3]) + 8 for e in ellipses)
        if near:
            continue
        ellipses.append((y, x, major, minor, float(rng.uniform(0, np.pi))))
        covered += np.pi * major * minor * 0.8
        if covered > wanted:
            break
    return ellipses


def _signed_distance(inside: Bool[np.ndarray, "h w"]) -> Field:
    if not inside.any():
        return np.full(inside.shape, -1e3, dtype=np.float32)
    within = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5)
    if inside.all():
        return np.asarray(within + 60.0, dtype=np.float32)
    return np.asarray(within - cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 5), np.float32)


def _hugging(angle: Field, gy: Field, gx: Field, depth: Field) -> Field:
    """Turn fibres parallel to the edge of epithelium within about 25 px of it.

    Directions are mixed as vectors of the doubled angle, since a fibre has no front end.
    """
    along = np.arctan2(gx, -gy)
    weight = np.exp(np.minimum(depth, 0) / 14.0)
    cos = (1 - weight) * np.cos(2 * angle) + weight * np.cos(2 * along)
    sin = (1 - weight) * np.sin(2 * angle) + weight * np.sin(2 * along)
    cos, sin = cv2.GaussianBlur(cos, (0, 0), 5), cv2.GaussianBlur(sin, (0, 0), 5)
    return np.asarray(0.5 * np.arctan2(sin, cos), dtype=np.float32)


def _lumen(scene: Architecture, depth: Field, wall: float, rng: np.random.Generator) -> Field:
    shape = (depth.shape[0], depth.shape[1])
    if scene.glands in ("glands", "crypts"):
        ragged = depth - wall + 3.5 * smooth_noise(rng, shape, 7) + 5.0 * smooth_noise(rng, shape, 22)
        return soft_step(ragged, 1.2)
    if scene.glands in ("nests", "sheet"):
        holes = smooth_noise(rng, shape, 13) + 0.15 * smooth_noise(rng, shape, 3)
        ragged = np.minimum((holes - rng.uniform(1.7, 3.0)) * 9.0, depth - 12)
        return soft_step(np.asarray(ragged, np.float32), 1.2)
    return np.zeros(shape, dtype=np.float32)


def _palisade(scene: Architecture, layout: Layout, rng: np.random.Generator) -> Field:
    """Favour the base of glands: nuclei in one to three rows; sheets and nests are filled evenly."""
    if scene.glands == "sheet":
        return np.exp(0.35 * smooth_noise(rng, (layout.depth.shape[0], layout.depth.shape[1]), 16))
    rows = float(rng.choice((1.0, 1.6, 2.6), p=(0.4, 0.35, 0.25)))
    base = 20.0 if scene.glands == "crypts" else 5 + 11 * rows
    floor = {"crypts": 0.004, "glands": 0.08}.get(scene.glands, 0.5)
    return np.asarray(np.maximum(soft_step(base - layout.depth, 3.0), floor), dtype=np.float32)
