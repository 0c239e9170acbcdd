"""Nuclei: their shape and chromatin, and how they overlap."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int32

from bench.datasets.phantom.config import MISCELLANEOUS
from bench.datasets.phantom.populations import NUCLEUS_CLASSES
from bench.datasets.phantom.randomness import lognormal
from bench.datasets.phantom.stains import SlideStyle
from bench.datasets.phantom.texture import Field, smooth_noise

REACH = 8
"""Pixels around a nucleus that it may change: halo and defocus."""


@dataclass(frozen=True)
class Outline:
    """One nucleus before it is painted: place, semi-axes, direction (radians), bend and lobes."""

    y: float
    x: float
    major: float
    minor: float
    angle: float
    bend: float
    lobes: Float32[np.ndarray, "3 2"]


@dataclass
class Canvas:
    """The stain fields of a tile while it is being drawn, with its labels."""

    hematoxylin: Field
    eosin: Field
    pigment: Float32[np.ndarray, "h w 3"]
    instances: Int32[np.ndarray, "h w"]
    types: list[int]
    fine: Field
    coarse: Field


def new_canvas(hematoxylin: Field, eosin: Field, rng: np.random.Generator) -> Canvas:
    """Return a canvas without nuclei over the given background."""
    shape = (hematoxylin.shape[0], hematoxylin.shape[1])
    return Canvas(
        hematoxylin=hematoxylin,
        eosin=eosin,
        pigment=np.zeros((*shape, 3), dtype=np.float32),
        instances=np.zeros(shape, dtype=np.int32),
        types=[],
        fine=smooth_noise(rng, shape, 0.8),
        coarse=smooth_noise(rng, shape, 2.0),
    )


def random_outline(kind: int, y: float, x: float, angle: float, style: SlideStyle, rng: np.random.Generator) -> Outline:
    """Draw the outline of a nucleus of class `kind` centred at (y, x) px, its long axis along `angle`."""
    population = NUCLEUS_CLASSES[kind]
    size = lognormal(rng, style.nucleus_size, population.size_spread)
    stretch = lognormal(rng, 1.0, population.aspect_spread)
    irregularity = lognormal(rng, population.irregularity, 0.4)
    if kind == MISCELLANEOUS and rng.random() < 0.3:
        size, irregularity = size * 1.6, 0.28
    amplitudes = irregularity * np.abs(rng.normal(0, 1, 3)) * np.array((1.0, 0.7, 0.5))
    phases = rng.uniform(0, 2 * np.pi, 3)
    return Outline(
        y=y,
        x=x,
        major=population.major * size * stretch,
        minor=population.minor * size / stretch,
        angle=angle,
        bend=float(rng.normal(0, population.bend)),
        lobes=np.stack([np.minimum(amplitudes, 0.35), phases], axis=1).astype(np.float32),
    )


def paint(canvas: Canvas, kind: int, outline: Outline, style: SlideStyle, rng: np.random.Generator) -> bool:
    """Paint a nucleus and label its pixels, unless it would overlap too much; return whether it was painted.

    A nucleus is drawn over its neighbours or under them by chance. The upper one owns the shared pixels; stain
    adds up there, as in a section thicker than a nucleus.
    """
    window, depth = _depth(outline, canvas.instances.shape)
    inside = depth > 0
    area = int(inside.sum())
    if area < 16:
        return False
    labels = canvas.instances[window]
    taken = labels[inside]
    shared = taken[taken > 0]
    if len(shared) > NUCLEUS_CLASSES[kind].overlap * area:
        return False
    above = len(shared) > 0 and rng.random() < 0.5 and _leaves_enough(canvas, window, shared)
    canvas.types.append(kind)
    labels[inside if above else inside & (labels == 0)] = len(canvas.types)
    _stain(canvas, window, depth, kind, style, rng, occupied=labels > 0)
    return True


def _leaves_enough(canvas: Canvas, window: tuple[slice, slice], shared: Int32[np.ndarray, " k"]) -> bool:
    ids, lost = np.unique(shared, return_counts=True)
    areas = np.bincount(canvas.instances[window].ravel(), minlength=int(ids.max()) + 1)[ids]
    return bool((lost < 0.35 * areas).all())


def _depth(outline: Outline, shape: tuple[int, ...]) -> tuple[tuple[slice, slice], Field]:
    """Return the window of a nucleus and the distance in px to its edge, positive inside.

    The edge is rho(u, v) = 1 + sum_k a_k cos(k phi + p_k) in the axes of the (bent) ellipse; the distance is
    first order, (edge - rho) / |grad rho|.
    """
    a, b = outline.major, outline.minor
    half = math.ceil(max(a, b) * 1.3) + REACH
    y0, x0 = max(0, int(outline.y) - half), max(0, int(outline.x) - half)
    window = (
        slice(y0, min(shape[0], int(outline.y) + half + 1)),
        slice(x0, min(shape[1], int(outline.x) + half + 1)),
    )
    dy = (np.arange(window[0].start, window[0].stop, dtype=np.float32) - outline.y)[:, None]
    dx = (np.arange(window[1].start, window[1].stop, dtype=np.float32) - outline.x)[None, :]
    cos, sin = math.cos(outline.angle), math.sin(outline.angle)
    u = dx * cos + dy * sin
    v = dy * cos - dx * sin
    v = v - outline.bend * (np.minimum(u * u, 2 * a * a) / a - a / 3)
    phi = np.arctan2(v / b, u / a)
    edge = np.ones_like(phi)
    for order, (amplitude, phase) in enumerate(outline.lobes, start=2):
        if amplitude > 0.01:
            edge += amplitude * np.cos(order * phi + phase)
    rho = np.hypot(u / a, v / b)
    slope = np.hypot(u / (a * a), v / (b * b)) + 1e-4
    return window, np.asarray((edge - rho) * (rho + 1e-3) / slope, dtype=np.float32)


def _stain(
    canvas: Canvas,
    window: tuple[slice, slice],
    depth: Field,
    kind: int,
    style: SlideStyle,
    rng: np.random.Generator,
    occupied: Bool[np.ndarray, "h w"],
) -> None:
    population = NUCLEUS_CLASSES[kind]
    amount = lognormal(rng, population.hematoxylin, population.hematoxylin_spread)
    amount *= float(style.class_darkness[kind - 1])
    edge = rng.uniform(0.8, 1.8)
    cover = np.asarray(np.clip(depth / edge + 0.5, 0, 1), dtype=np.float32)
    chromatin = _chromatin(canvas, depth, kind, style, rng)
    stain: Field = chromatin * (amount / max(float((chromatin * cover).sum() / cover.sum()), 0.05))
    if rng.random() < style.pale_share:
        sigma = float(rng.uniform(1.5, 3.0))
        stain = np.asarray(cv2.GaussianBlur(stain, (0, 0), sigma)) * rng.uniform(0.6, 0.95)
        cover = np.asarray(cv2.GaussianBlur(cover, (0, 0), sigma * 0.8))
    hematoxylin, eosin = canvas.hematoxylin[window], canvas.eosin[window]
    if rng.random() < population.halo:
        gap = rng.uniform(0.1, 0.6) * np.exp(-(((depth + 3.0) / 2.0) ** 2)) * ~occupied
        hematoxylin *= 1 - gap
        eosin *= 1 - gap
    beneath = hematoxylin * (1 - cover) + 0.35 * np.minimum(hematoxylin, 1.2) * cover * (hematoxylin > 0.6)
    hematoxylin[...] = beneath + stain * cover
    eosin[...] = eosin * (1 - 0.15 * cover) + 0.07 * cover


def _chromatin(canvas: Canvas, depth: Field, kind: int, style: SlideStyle, rng: np.random.Generator) -> Field:
    """Return the relative stain of a nucleus: clumps, a dark rim, a pale middle and nucleoli."""
    population = NUCLEUS_CLASSES[kind]
    h, w = depth.shape
    y, x = (int(rng.integers(0, max(1, n - m))) for n, m in zip(canvas.fine.shape, (h, w), strict=True))
    fine, coarse = canvas.fine[y : y + h, x : x + w], canvas.coarse[y : y + h, x : x + w]
    clumps = population.chromatin * style.chromatin * lognormal(rng, 1.0, 0.25)
    look = 1 + clumps * (0.45 * fine + 0.75 * np.maximum(coarse, -0.8))
    hollow = population.hollow * lognormal(rng, 1.0, 0.5)
    look -= min(hollow, 0.7) * np.clip((depth - 1.5) / 3.0, 0, 1)
    look += population.rim * style.rim * np.exp(-((depth / 1.5) ** 2))
    for _ in range(int(rng.poisson(population.nucleoli))):
        y, x = rng.normal(h / 2, h / 12), rng.normal(w / 2, w / 12)
        dy, dx = np.ogrid[0:h, 0:w]
        radius = rng.uniform(1.2, 2.2)
        look += 0.8 * np.exp(-((dy - y) ** 2 + (dx - x) ** 2) / (2 * radius**2))
    return np.asarray(np.clip(look, 0.12, 3.0), dtype=np.float32)
