"""Tissue without nuclei: stroma, cytoplasm, lumens, mucin, necrosis and fat, as amounts of the two stains."""

from __future__ import annotations

import cv2
import numpy as np

from bench.datasets.phantom.architecture import Architecture
from bench.datasets.phantom.layout import Layout
from bench.datasets.phantom.stains import SlideStyle
from bench.datasets.phantom.texture import (
    Field,
    fibres,
    smear,
    smooth_noise,
    soft_step,
    standardise,
    upper_share,
)


def background(scene: Architecture, layout: Layout, style: SlideStyle, rng: np.random.Generator) -> tuple[Field, Field]:
    """Return hematoxylin and eosin of a tile before nuclei are drawn, in units of the stain vectors."""
    hematoxylin, eosin = _stroma(scene, layout, rng)
    if scene.fat > 0:
        hematoxylin, eosin = _fat((hematoxylin, eosin), rng)
    if scene.mucin > 0:
        hematoxylin, eosin = _mucin(scene, layout, (hematoxylin, eosin), rng)
    if layout.epithelium.max() > 0.01:
        own_hematoxylin, own_eosin = _cytoplasm(scene, layout, rng)
        gap = _retraction(layout, rng)
        keep = (1 - layout.epithelium) * (1 - gap)
        hematoxylin = hematoxylin * keep + own_hematoxylin * layout.epithelium
        eosin = eosin * keep + own_eosin * layout.epithelium
    if scene.necrosis > 0:
        hematoxylin, eosin = _necrosis(scene, (hematoxylin, eosin), rng)
    return (
        np.maximum(hematoxylin * style.background_hematoxylin, 0.0).astype(np.float32),
        np.maximum(eosin, 0.0).astype(np.float32),
    )


def _stroma(scene: Architecture, layout: Layout, rng: np.random.Generator) -> tuple[Field, Field]:
    shape = (layout.depth.shape[0], layout.depth.shape[1])
    strands = fibres(rng, layout.fibre, length=14, width=0.9)
    bundles = standardise(smear(smooth_noise(rng, shape, 2.4), layout.fibre, 12))
    slow = smooth_noise(rng, shape, 24)
    texture = smooth_noise(rng, shape, 1.4) + 0.8 * smooth_noise(rng, shape, 3.5)
    order = 0.35 + (0.65 + 0.6 * scene.straight) * soft_step(smooth_noise(rng, shape, 30), 0.5)
    woven = order * scene.fibre * (0.7 * strands + 0.5 * bundles)
    eosin = scene.eosin * (1 + woven + 0.22 * slow + 0.12 * texture)
    hematoxylin = 0.17 * (1 + 0.3 * smooth_noise(rng, shape, 20) + 0.6 * woven + 0.2 * texture)
    loose = standardise(-bundles + 0.5 * smooth_noise(rng, shape, 5) + 0.6 * smooth_noise(rng, shape, 30))
    gaps = upper_share(loose, scene.clefts, 0.15) * rng.uniform(0.6, 0.95)
    if scene.reticular > 0:
        holes = smooth_noise(rng, shape, 4.5) + 0.7 * smooth_noise(rng, shape, 16)
        gaps = np.maximum(gaps, 0.92 * upper_share(holes / 1.22, scene.reticular, 0.12))
    return hematoxylin * (1 - gaps), np.maximum(eosin, 0.02) * (1 - gaps)


def _cytoplasm(scene: Architecture, layout: Layout, rng: np.random.Generator) -> tuple[Field, Field]:
    """Cytoplasm of epithelium, granular and paler towards the lumen, with goblet cells in crypts; empty lumens."""
    shape = (layout.depth.shape[0], layout.depth.shape[1])
    grain = smooth_noise(rng, shape, 1.2) + 0.9 * smooth_noise(rng, shape, 3.2)
    slow = smooth_noise(rng, shape, 18)
    purple, pink = rng.uniform(0.16, 0.34), rng.uniform(0.18, 0.36)
    columns = standardise(smear(smooth_noise(rng, shape, 2.8), layout.inward, 8))
    cells = rng.uniform(0.04, 0.22) * columns + 0.12 * smooth_noise(rng, shape, 7)
    hematoxylin = purple * (1 + 0.12 * grain + 0.18 * slow + cells)
    eosin = pink * (1 + 0.11 * grain - 0.10 * slow + cells)
    if rng.random() < 0.6:
        cracks = upper_share(-columns + 0.6 * smooth_noise(rng, shape, 9), rng.uniform(0.02, 0.10), 0.2)
        hematoxylin, eosin = hematoxylin * (1 - 0.7 * cracks), eosin * (1 - 0.7 * cracks)
    hematoxylin *= 1 + rng.uniform(0.1, 0.7) * np.exp(-np.maximum(layout.depth, 0) / 12.0)
    apical = soft_step(layout.depth - rng.uniform(14, 26), 4.0) * rng.uniform(0, 0.5)
    hematoxylin, eosin = hematoxylin * (1 - apical), eosin * (1 - 0.4 * apical)
    if scene.glands == "crypts":
        vacuoles = _goblets(layout, rng)
        hematoxylin = hematoxylin * (1 - 0.85 * vacuoles) + 0.07 * vacuoles
        eosin = eosin * (1 - 0.9 * vacuoles)
    elif rng.random() < 0.3:
        bubbles = upper_share(smooth_noise(rng, shape, 5.0), rng.uniform(0.02, 0.12), 0.15)
        hematoxylin, eosin = hematoxylin * (1 - 0.8 * bubbles), eosin * (1 - 0.8 * bubbles)
    content = rng.choice((0.0, 0.05, 0.2), p=(0.5, 0.3, 0.2))
    flakes = upper_share(smooth_noise(rng, shape, 4), 0.35, 0.3) * content
    hematoxylin = hematoxylin * (1 - layout.lumen) + layout.lumen * (0.5 * flakes + 0.01)
    eosin = eosin * (1 - layout.lumen) + layout.lumen * (flakes + 0.01)
    return hematoxylin, eosin


def _goblets(layout: Layout, rng: np.random.Generator) -> Field:
    """Soft mask of mucin vacuoles: drops between the nuclei's row and the lumen, pointed at the base."""
    h, w = layout.depth.shape
    vacuoles = np.zeros((h, w), dtype=np.float32)
    band = np.argwhere((layout.depth > 19) & (layout.lumen < 0.3))
    if len(band) == 0:
        return vacuoles
    for y, x in band[rng.integers(0, len(band), len(band) // 260 + 1)]:
        axes = (int(rng.uniform(10, 17)), int(rng.uniform(7, 11)))
        turn = float(np.degrees(layout.inward[y, x]))
        cv2.ellipse(vacuoles, (int(x), int(y)), axes, turn, 0, 360, 1.0, -1)
        cv2.ellipse(vacuoles, (int(x), int(y)), axes, turn, 0, 360, 0.15, 2)
    reach = soft_step(layout.depth - 16, 2.0) * (1 - layout.lumen)
    return np.asarray(cv2.GaussianBlur(vacuoles, (0, 0), 0.9) * reach, dtype=np.float32)


def _retraction(layout: Layout, rng: np.random.Generator) -> Field:
    """Pale gap that fixation opens round some glands."""
    shape = (layout.depth.shape[0], layout.depth.shape[1])
    if rng.random() < 0.5:
        return np.zeros(shape, dtype=np.float32)
    width = rng.uniform(3, 9) * np.clip(0.4 + smooth_noise(rng, shape, 25), 0, 2)
    beyond = -layout.depth - 1.5
    return np.asarray(0.9 * soft_step(beyond, 0.7) * soft_step(width - beyond, 0.9), dtype=np.float32)


def _mucin(
    scene: Architecture, layout: Layout, stains: tuple[Field, Field], rng: np.random.Generator
) -> tuple[Field, Field]:
    shape = (layout.depth.shape[0], layout.depth.shape[1])
    pool = upper_share(smooth_noise(rng, shape, 38), min(scene.mucin, 0.92), 0.15)
    streaks = fibres(rng, layout.fibre, length=24, width=1.8)
    veil = 0.10 + 0.05 * streaks + 0.05 * smooth_noise(rng, shape, 14)
    return (
        stains[0] * (1 - pool) + pool * np.maximum(veil, 0.0),
        stains[1] * (1 - pool) + pool * np.maximum(0.5 * veil, 0.0),
    )


def _necrosis(scene: Architecture, stains: tuple[Field, Field], rng: np.random.Generator) -> tuple[Field, Field]:
    """Granular debris: clumps of eosin and dust of hematoxylin without order."""
    shape = (stains[0].shape[0], stains[0].shape[1])
    region = upper_share(smooth_noise(rng, shape, 40), scene.necrosis, 0.2)
    lumps = smooth_noise(rng, shape, 2.2) + 0.8 * smooth_noise(rng, shape, 5.0)
    dust = np.maximum(smooth_noise(rng, shape, 1.5) - 1.1, 0) * 0.8
    holes = upper_share(smooth_noise(rng, shape, 9), 0.10, 0.2)
    eosin = (0.36 + 0.12 * lumps) * (1 - 0.85 * holes)
    hematoxylin = (0.16 + 0.07 * lumps + dust) * (1 - 0.85 * holes)
    return (
        stains[0] * (1 - region) + np.maximum(hematoxylin, 0) * region,
        stains[1] * (1 - region) + np.maximum(eosin, 0) * region,
    )


def _fat(stains: tuple[Field, Field], rng: np.random.Generator) -> tuple[Field, Field]:
    """Fat cells: empty polygons of 150 to 250 px with thin, here and there thicker walls."""
    shape = (stains[0].shape[0], stains[0].shape[1])
    spacing = float(rng.uniform(130, 210))
    ys, xs = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    ys = ys + 9 * smooth_noise(rng, shape, 20)
    xs = xs + 9 * smooth_noise(rng, shape, 20)
    rows, columns = int(shape[0] / spacing) + 3, int(shape[1] / spacing) + 3
    nearest = np.full((2, *shape), 1e6, dtype=np.float32)
    for row in range(rows):
        for column in range(columns):
            y = (row - 1 + rng.uniform(0.1, 0.9)) * spacing
            x = (column - 1 + 0.5 * (row % 2) + rng.uniform(0.1, 0.9)) * spacing
            distance = np.hypot(ys - y, xs - x)
            nearest[1] = np.minimum(nearest[1], np.maximum(distance, nearest[0]))
            nearest[0] = np.minimum(nearest[0], distance)
    wall = 1.5 + 1.2 * np.clip(smooth_noise(rng, shape, 25), -0.6, 3) ** 2
    membrane = soft_step(wall - 0.5 * (nearest[1] - nearest[0]), 0.7)
    return stains[0] * membrane, stains[1] * membrane
