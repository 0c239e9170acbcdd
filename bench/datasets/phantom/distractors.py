"""Objects other than nuclei: red blood cells, pigment, dust of dead cells, smudges out of focus."""

from __future__ import annotations

import cv2
import numpy as np

from bench.datasets.phantom.architecture import Architecture
from bench.datasets.phantom.nuclei import Canvas

BLOOD = np.array((0.12, 0.62, 0.66), dtype=np.float32)
"""RGB optical density of a red blood cell."""

BROWN = np.array((0.85, 1.10, 1.30), dtype=np.float32)
"""RGB optical density of brown pigment."""


def add_distractors(canvas: Canvas, scene: Architecture, amount: float, rng: np.random.Generator) -> None:
    """Draw unlabelled distractors onto a canvas, beneath its nuclei.

    Args:
        canvas: changed in place.
        scene: the tile's tissue (its expected clumps of blood).
        amount: expected number of everything else, relative to the default.
        rng: generator of the tile.
    """
    for _ in range(int(rng.poisson(scene.blood))):
        _blood(canvas, rng)
    if rng.random() < 0.10 * amount:
        _pigment(canvas, rng)
    for _ in range(int(rng.poisson(1.2 * amount))):
        _dust(canvas, rng)
    for _ in range(int(rng.poisson(2.0 * amount))):
        _smudge(canvas, rng)


def _blood(canvas: Canvas, rng: np.random.Generator) -> None:
    h, w = canvas.eosin.shape
    y, x = rng.uniform(0, h), rng.uniform(0, w)
    spread = rng.uniform(8, 40)
    cells = np.zeros((h, w), dtype=np.float32)
    for _ in range(int(rng.integers(1, 22))):
        centre = (int(rng.normal(x, spread)), int(rng.normal(y, 0.6 * spread)))
        axes = (int(rng.integers(5, 10)), int(rng.integers(4, 8)))
        turn = float(rng.uniform(0, 180))
        amount = float(rng.uniform(0.45, 1.15))
        cv2.ellipse(cells, centre, (axes[0] + 2, axes[1] + 2), turn, 0, 360, 0.05, -1)
        cv2.ellipse(cells, centre, axes, turn, 0, 360, amount, -1)
        cv2.ellipse(cells, centre, (axes[0] // 3, axes[1] // 3), turn, 0, 360, 0.75 * amount, -1)
    cells = np.asarray(cv2.GaussianBlur(cells, (0, 0), 1.0), dtype=np.float32)
    canvas.pigment += cells[..., None] * BLOOD
    cover = np.minimum(1.6 * cells, 1.0)
    canvas.eosin *= 1 - cover
    canvas.hematoxylin *= 1 - 0.9 * cover


def _pigment(canvas: Canvas, rng: np.random.Generator) -> None:
    h, w = canvas.eosin.shape
    y, x = rng.uniform(0, h), rng.uniform(0, w)
    grains = np.zeros((h, w), dtype=np.float32)
    for _ in range(int(rng.integers(8, 40))):
        centre = (int(rng.normal(x, 9)), int(rng.normal(y, 9)))
        cv2.circle(grains, centre, int(rng.integers(1, 3)), float(rng.uniform(0.4, 1.0)), -1)
    canvas.pigment += cv2.GaussianBlur(grains, (0, 0), 0.7)[..., None] * BROWN


def _dust(canvas: Canvas, rng: np.random.Generator) -> None:
    """Fragments of dead nuclei, too small to be annotated."""
    h, w = canvas.eosin.shape
    y, x = rng.uniform(0, h), rng.uniform(0, w)
    grains = np.zeros((h, w), dtype=np.float32)
    for _ in range(int(rng.integers(2, 9))):
        centre = (int(rng.normal(x, 6)), int(rng.normal(y, 6)))
        cv2.circle(grains, centre, int(rng.integers(1, 3)), float(rng.uniform(0.4, 1.0)), -1)
    canvas.hematoxylin += cv2.GaussianBlur(grains, (0, 0), 0.8)


def _smudge(canvas: Canvas, rng: np.random.Generator) -> None:
    """A purple shade without an edge: a nucleus far out of focus, which nobody annotates."""
    h, w = canvas.eosin.shape
    shade = np.zeros((h, w), dtype=np.float32)
    centre = (int(rng.uniform(0, w)), int(rng.uniform(0, h)))
    axes = (int(rng.uniform(7, 15)), int(rng.uniform(4, 9)))
    cv2.ellipse(shade, centre, axes, float(rng.uniform(0, 180)), 0, 360, float(rng.uniform(0.12, 0.32)), -1)
    canvas.hematoxylin += cv2.GaussianBlur(shade, (0, 0), 4.0)
