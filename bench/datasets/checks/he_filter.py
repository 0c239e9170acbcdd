"""A colour filter for images that look like haematoxylin and eosin, for sets of mixed figures such as PathCap.

PathDiff trains on 100,000 "H&E" images of PathCap, but does not say how they were chosen; this filter is ours, so its
subset differs. Optical densities of a pixel, -ln(v / 255) for each channel v, are split into their mean (how dark)
and two chromaticities (which stain), the hue-saturation-density model of van der Laak et al. 2000. A mixture of two
stains has a hue between theirs however dark it is: about 66 degrees for haematoxylin and 122 for eosin (densities of
Ruifrok and Johnston 2001), 205 for diaminobenzidine (brown), 25 for alcian blue. Stains of nearly the same colours
pass (Masson's trichrome, PAS, Giemsa), and so may brown on blue of equal strength; tissue full of blood may not.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from bench.atomic import replacing
from bench.contract import Settings
from bench.datasets.source import DatasetSource
from bench.errors import DataError
from bench.formats.parallel import ordered_map

WHITE = 0.1
"""Mean optical density below which a pixel is background; 0.1 is a grey value of 231."""
DARK = 2.3
"""Mean optical density above which a pixel has no reliable hue; 2.3 is a grey value of 26."""
GREY = 0.1
"""Length of the chromaticity vector below which a pixel has no colour; pure haematoxylin has 0.47, pure eosin 1.5."""
HUES = (40.0, 165.0)
"""Range of hues in degrees of mixtures of the two stains in practice."""
EOSIN = 72.0
"""Hue in degrees above which a pixel holds eosin in addition to haematoxylin."""
SIDE = 256
"""Longest side in pixels that is measured in full: of larger images, every k-th pixel is used."""


@dataclass(frozen=True)
class Colours:
    """Shares in [0, 1]: `white` and `dark` of all pixels; the others of pixels that are neither.

    `grey` pixels have no colour, `he` a hue between haematoxylin and eosin, `eosin` those of `he` that are not only
    haematoxylin. The last three are 0 if no pixel is left.
    """

    white: float
    dark: float
    grey: float
    he: float
    eosin: float


class Thresholds(Settings):
    """Limits of an H&E image: the largest shares of white, dark and grey, the smallest of the stains' hues.

    Chosen so that patches of CoNSeP, CRC-VAL-HE-7K and LC25000 pass, fat included, and other stains do not.
    """

    white: float = 0.95
    dark: float = 0.3
    grey: float = 0.4
    he: float = 0.5
    eosin: float = 0.1


def measure(image: UInt8[np.ndarray, "h w 3"]) -> Colours:
    """Return the colour shares of an image of at least one pixel."""
    step = -(-max(image.shape[:2]) // SIDE)
    pixels = np.maximum(image[::step, ::step].reshape(-1, 3), 1)
    density = -np.log(pixels / 255.0)
    mean = density.mean(axis=1)
    white, dark = mean < WHITE, mean > DARK
    tissue = ~(white | dark)
    if not tissue.any():
        return Colours(float(white.mean()), float(dark.mean()), 0.0, 0.0, 0.0)
    red, green, blue = (density[tissue] / mean[tissue, None]).T
    x, y = red - 1, (green - blue) / np.sqrt(3)
    hue = np.degrees(np.arctan2(y, x)) % 360
    grey = np.hypot(x, y) < GREY
    he = ~grey & (hue >= HUES[0]) & (hue <= HUES[1])
    shares = (grey, he, he & (hue >= EOSIN))
    return Colours(float(white.mean()), float(dark.mean()), *(float(share.mean()) for share in shares))


def refused(colours: Colours, thresholds: Thresholds | None = None) -> str:
    """Return why an image is not accepted as H&E: "white", "dark", "grey", "hue" or "blue"; "" if it is accepted."""
    limits = thresholds or Thresholds()
    for name in ("white", "dark", "grey"):
        if getattr(colours, name) > getattr(limits, name):
            return name
    if colours.he < limits.he:
        return "hue"
    return "blue" if colours.eosin < limits.eosin else ""


def write_manifest(source: DatasetSource, out: Path, thresholds: Thresholds | None = None) -> Counter[str]:
    """Write the images of a dataset that look like H&E, all splits, as CSV: file (their id), split, measured shares.

    A card with `extra: {manifest: <out>}` uses only the images that the file lists.

    Returns:
        The number kept ("kept"), and the numbers rejected by reason; "no image" for captions without one and
        "unreadable" for files that cannot be read.
    """
    counts: Counter[str] = Counter()
    with replacing(out) as temporary, temporary.open("w", encoding="utf-8", newline="") as handle:
        table = csv.writer(handle)
        table.writerow(["file", "split", *(field.name for field in fields(Colours))])
        for split in source.splits():
            for name, colours, reason in _judged(source, split, thresholds):
                counts[reason or "kept"] += 1
                if colours is not None and not reason:
                    table.writerow([name, split, *(f"{share:.4f}" for share in asdict(colours).values())])
    return counts


def _judged(
    source: DatasetSource, split: str, thresholds: Thresholds | None
) -> Iterator[tuple[str, Colours | None, str]]:
    ids = source.ids(split)
    results = ordered_map(partial(_judge, source, split, thresholds), range(len(ids)))
    return ((name, *result) for name, result in zip(ids, results, strict=True))


def _judge(source: DatasetSource, split: str, thresholds: Thresholds | None, index: int) -> tuple[Colours | None, str]:
    try:
        image = source.read(split, index).image
    except DataError:
        return None, "unreadable"
    if image.size == 0:
        return None, "no image"
    colours = measure(image)
    return colours, refused(colours, thresholds)
