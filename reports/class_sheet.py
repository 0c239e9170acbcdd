"""Contact sheets of sets with image-level classes: one row per class, first real images and then synthetic ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from bench.contract import Dataset
from bench.synthetic import SyntheticSet
from reports.drawing import GAP, INK, PAPER, fit, font, save, shorten

PANEL = 112
"""Least side in pixels at which an image is drawn."""
REAL, SYNTHETIC = 3, 7
"""Largest number of images of each class: ten in total."""
_GUTTER = 18
_NAME, _NOTE, _TITLE = 15, 12, 17
_GREY, _LINE = (110, 110, 110), (190, 190, 190)


def shows_classes(synthetic: SyntheticSet) -> bool:
    """Return whether the samples of a set were requested only by class: they have no labelled nuclei and no source."""
    records = synthetic.metadata
    return bool(synthetic.info.labels and records) and all(
        record.label is not None and record.types is None and record.tile is None for record in records
    )


def class_sheet(
    synthetic: SyntheticSet,
    train: Dataset,
    path: Path,
    *,
    title: str = "",
    real: int = REAL,
    made: int = SYNTHETIC,
) -> None:
    """Write the sheet of a set as PNG.

    A row has the name of the class, real training images of the class that are evenly spread over the training set, and
    synthetic images in the order of the set: the best first if the set was selected. Images are enlarged to at least
    112 px.

    Args:
        synthetic: a set for which :func:`shows_classes` is true.
        train: the real training images.
        path: file to write.
        title: heading; if it is empty, the method, its variant and the dataset. The seed and the numbers of images are
            added.
        real: number of real images of each class.
        made: number of synthetic images of each class.
    """
    names = synthetic.info.labels
    labels = [record.label for record in synthetic.records]
    chosen = [[index for index, label in enumerate(labels) if label == kind][:made] for kind in range(len(names))]
    reals = _real(train, len(names), real)
    rows = [
        ([train[index].image for index in left], [synthetic.image(index) for index in right])
        for left, right in zip(reals, chosen, strict=True)
    ]
    side = max((max(image.shape[:2]) for row in rows for images in row for image in images), default=PANEL)
    panel = side * max(1, -(-PANEL // side))
    columns = (max([1, *map(len, reals)]), max([1, *map(len, chosen)]))
    sheet = _draw(rows, names, panel, columns, _heading(synthetic, title, chosen, reals))
    save(sheet, path)


def _heading(
    synthetic: SyntheticSet, title: str, chosen: Sequence[Sequence[int]], reals: Sequence[Sequence[int]]
) -> tuple[str, str]:
    """Return the two lines above the images."""
    manifest = synthetic.manifest
    variant = f" ({manifest['variant']})" if manifest.get("variant") else ""
    title = title or f"{manifest.get('method', '')}{variant}, {synthetic.info.name}"
    seed = f"seed {manifest['seed']}" if "seed" in manifest else ""
    shown, real = sum(map(len, chosen)), sum(map(len, reals))
    order = ""
    if manifest.get("selection", {}).get("rule") == "centroid":
        order = "nearest to their class first"
    elif manifest.get("selection"):
        order = "in the order in which they were drawn from the pool"
    numbers = f"{shown} of {len(synthetic)} synthetic images, {real} real ones"
    return title, ";  ".join(filter(None, [seed, numbers, order]))


def _real(train: Dataset, n_classes: int, n: int) -> list[list[int]]:
    """Return positions of up to `n` images of each class, evenly spread over the dataset and so over its groups."""
    found = []
    for kind in range(n_classes):
        members = [index for index, record in enumerate(train.records) if record.label == kind]
        take = min(n, len(members))
        found.append([members[round((i + 0.5) * len(members) / take - 0.5)] for i in range(take)])
    return found


def _draw(
    rows: Sequence[tuple[Sequence[UInt8[np.ndarray, "h w 3"]], Sequence[UInt8[np.ndarray, "h w 3"]]]],
    names: Sequence[str],
    panel: int,
    columns: tuple[int, int],
    heading: tuple[str, str],
) -> Image.Image:
    step, bold = panel + GAP, font(_NAME)
    left = 2 * GAP + round(max(min(bold.getlength(name), 2 * panel) for name in names)) + GAP
    starts = (left, left + columns[0] * step + _GUTTER)
    top = 2 * GAP + _TITLE + 2 * _NOTE + 3 * GAP
    # wide enough for the heading, which two columns of small images are not
    width = max(starts[1] + columns[1] * step, *(2 * GAP + round(font(_TITLE).getlength(text)) for text in heading))
    sheet = Image.new("RGB", (width, top + len(rows) * step), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((2 * GAP, GAP), heading[0], INK, font(_TITLE))
    draw.text((2 * GAP, 2 * GAP + _TITLE), heading[1], _GREY, font(_NOTE))
    for start, word in zip(starts, ("real", "synthetic"), strict=True):
        draw.text((start, top - GAP), word, INK, font(_NAME), anchor="ls")
    line = starts[1] - (_GUTTER + GAP) // 2
    draw.line([(line, top - GAP - _NOTE), (line, sheet.height - GAP)], _LINE)
    for number, (name, both) in enumerate(zip(names, rows, strict=True)):
        y = top + number * step
        draw.text((2 * GAP, y + panel // 2), shorten(name, 2 * panel, bold), INK, bold, anchor="lm")
        for start, images, n in zip(starts, both, columns, strict=True):
            for place in range(n):
                x = start + place * step
                if place < len(images):
                    sheet.paste(fit(images[place], panel), (x, y))
                elif not images and place == 0:
                    draw.text((x + panel // 2, y + panel // 2), "none", _GREY, font(_NOTE), anchor="mm")
    return sheet
