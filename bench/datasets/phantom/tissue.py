"""The nine-class tissue variant, with the classes of NCT-CRC-HE-100K."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import UInt8

from bench.datasets.phantom.architecture import Architecture, varied
from bench.datasets.phantom.captions import tissue_caption
from bench.datasets.phantom.config import MPP, PhantomConfig
from bench.datasets.phantom.draw import crop, draw_canvas
from bench.datasets.phantom.layout import MARGIN
from bench.datasets.phantom.randomness import generator
from bench.datasets.phantom.stains import SlideStyle, render_rgb, slide_style
from bench.datasets.phantom.texture import smooth_noise
from bench.errors import DataError

TISSUE_CLASSES = ("ADI", "BACK", "DEB", "LYM", "MUC", "MUS", "NORM", "STR", "TUM")
"""Tissue classes in NCT-CRC's alphabetical order; label 0 is the first."""

FIELD = 84.0
"""Side of a tissue patch's field of view in micrometres, unless given (NCT-CRC: 112)."""

ARCHITECTURES = {
    "ADI": Architecture("ADI", fat=1, spindle=2, inflammatory=0.5, miscellaneous=0.1, clefts=0.02, blood=0.2),
    "DEB": Architecture("DEB", necrosis=0.85, spindle=3, inflammatory=7, miscellaneous=12, blood=1.0),
    "LYM": Architecture("LYM", inflammatory=120, clustering=0.3, spindle=5, eosin=0.16, reticular=0.35),
    "MUC": Architecture("MUC", mucin=0.9, spindle=3, inflammatory=2, miscellaneous=0.6, blood=0.2),
    "MUS": Architecture(
        "MUS", spindle=20, inflammatory=1.5, eosin=0.52, fibre=0.3, straight=1.0, clefts=0.05, blood=0.1
    ),
    "NORM": Architecture(
        "NORM", glands="crypts", cover=0.7, epithelial=110, spindle=15, inflammatory=16, reticular=0.12, eosin=0.22
    ),
    "STR": Architecture("STR", spindle=30, inflammatory=8, eosin=0.32, clefts=0.22, fibre=0.45, blood=0.3),
    "TUM": Architecture("TUM", glands="sheet", cover=0.9, epithelial=56, spindle=22, inflammatory=5, eosin=0.3),
}


def tissue_mpp(size: int, field: float = FIELD) -> float:
    """Return the micrometres per pixel of a tissue patch `size` px wide; its field of view is the same at any size."""
    return field / size


def draw_tissue(
    seed: int, group: str, label: int, size: int = 224, *, config: PhantomConfig, field: float = FIELD
) -> tuple[UInt8[np.ndarray, "size size 3"], str]:
    """Draw a patch of one tissue class and its caption, a pure function of the arguments.

    Args:
        seed: number of the patch within its slide and class.
        group: name of the slide, which fixes stains and scanner.
        label: index into :data:`TISSUE_CLASSES`, 0..8.
        size: side in px, from 32 to what shows the field of view at 40x; smaller patches show it with less detail.
        config: the phantom's configuration.
        field: side of the field of view in micrometres.

    Raises:
        DataError: when `label` or `size` is out of range.
    """
    if not 0 <= label < len(TISSUE_CLASSES):
        raise DataError(
            "The tissue label given to draw_tissue is not in 0..8",
            got=str(label),
            fix="use an index of TISSUE_CLASSES",
        )
    side = round(field / MPP)
    if not 32 <= size <= side:
        raise DataError(f"The size given to draw_tissue is not in 32..{side} px", got=str(size), fix=f"use 64..{side}")
    name = TISSUE_CLASSES[label]
    style = slide_style(group, config)
    rng = generator("tissue", config.seed, group, seed, name)
    shape = (side + 2 * MARGIN, side + 2 * MARGIN)
    if name == "BACK":
        image, detail = _glass(shape, style, config, rng), "clean"
    else:
        image, detail = _tissue(name, shape, style, config, rng)
    resized = cv2.resize(crop(image), (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(resized, dtype=np.uint8), tissue_caption(name, detail)


def _tissue(
    name: str, shape: tuple[int, int], style: SlideStyle, config: PhantomConfig, rng: np.random.Generator
) -> tuple[UInt8[np.ndarray, "h w 3"], str]:
    scene = varied(ARCHITECTURES[name], rng, config)
    if name == "TUM" and rng.random() < 0.5:
        scene = replace(scene, glands="glands", cover=0.85)
    canvas = draw_canvas(scene, shape, style, config, rng)
    density = len(canvas.types) * 65536 / canvas.instances.size
    detail = "sparsely nucleated" if density < 15 else "moderately cellular" if density < 45 else "highly cellular"
    return render_rgb(canvas.hematoxylin, canvas.eosin, canvas.pigment, style, rng), detail


def _glass(
    shape: tuple[int, int], style: SlideStyle, config: PhantomConfig, rng: np.random.Generator
) -> UInt8[np.ndarray, "h w 3"]:
    """Empty glass: uneven light and a few specks of dust."""
    empty = np.full(shape, 0.015, dtype=np.float32)
    veil = empty + 0.01 * np.abs(smooth_noise(rng, shape, 60))
    specks = np.zeros(shape, dtype=np.float32)
    for _ in range(int(rng.poisson(2.0 * config.distractors))):
        centre = (int(rng.uniform(0, shape[1])), int(rng.uniform(0, shape[0])))
        cv2.circle(specks, centre, int(rng.integers(1, 5)), float(rng.uniform(0.1, 0.5)), -1)
    pigment = np.repeat(cv2.GaussianBlur(specks, (0, 0), 2.0)[..., None], 3, axis=2)
    return render_rgb(veil, veil, pigment, style, rng)
