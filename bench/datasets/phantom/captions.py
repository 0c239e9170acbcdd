"""Captions: one sentence of a report, from what a tile holds."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8

from bench.datasets.phantom.config import CLASSES, MISCELLANEOUS

ARCHITECTURES = {
    "glandular": "irregular glands with open lumens in stroma",
    "crypts": "crypts with goblet cells in lamina propria",
    "nests": "infiltrating epithelial nests in desmoplastic stroma",
    "sheet": "a solid sheet of epithelium",
    "fibrous": "fibrous stroma",
    "muscle": "smooth muscle bundles",
    "inflamed": "a dense inflammatory infiltrate",
    "loose": "loose oedematous stroma",
}
"""The name of each kind of tissue in a caption."""

TISSUES = {
    "ADI": "adipose tissue with large empty fat cells and thin septa",
    "BACK": "empty glass background without tissue",
    "DEB": "necrotic debris with scattered nuclear dust",
    "LYM": "dense sheets of lymphocytes",
    "MUC": "pools of pale extracellular mucin",
    "MUS": "smooth muscle with parallel fibres and elongated nuclei",
    "NORM": "normal colonic mucosa with round crypts and goblet cells",
    "STR": "cancer-associated stroma with wavy collagen and spindle cells",
    "TUM": "colorectal adenocarcinoma epithelium with crowded atypical nuclei",
}
"""Captions of the nine tissue classes, in NCT-CRC's order."""


def tile_caption(architecture: str, types: UInt8[np.ndarray, " n"], size: int) -> str:
    """Return the caption of a tile: its tissue, cellularity, commonest classes of nucleus, and the rare one if present.

    Args:
        architecture: name of the kind of tissue.
        types: class of each nucleus, in 1..4.
        size: side of the tile in px.
    """
    start = f"H&E, {ARCHITECTURES[architecture]}"
    if len(types) == 0:
        return f"{start}; no nuclei in the field."
    counts = np.bincount(types, minlength=len(CLASSES) + 1)[1:]
    parts = [f"{_cellularity(len(types), size)} cellularity", _composition(counts)]
    if counts[MISCELLANEOUS - 1] > 0:
        parts.append("occasional apoptotic or mitotic figures")
    return f"{start}; {', '.join(parts)}."


def tissue_caption(label: str, detail: str) -> str:
    """Return the caption of a tissue patch: its class and one detail of its appearance."""
    return f"H&E, {TISSUES[label]}, {detail}."


def _cellularity(n: int, size: int) -> str:
    density = n * (256 / size) ** 2
    if density < 15:
        return "low"
    return "moderate" if density < 60 else "high"


def _composition(counts: np.ndarray) -> str:
    order = np.argsort(-counts, kind="stable")
    first, second = (CLASSES[i] for i in order[:2])
    if counts[order[0]] >= 0.7 * counts.sum():
        return f"predominantly {first} nuclei"
    return f"{first} nuclei mixed with {second} nuclei"
