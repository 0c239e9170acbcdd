"""Contact sheets: synthetic patches next to what they derive from, with the outlines of their labels."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from bench.contract import Dataset, Sample
from bench.synthetic import SyntheticRecord, SyntheticSet
from reports.class_sheet import class_sheet, shows_classes
from reports.drawing import GAP, INK, PAPER, font, save
from reports.outlines import class_colours, outlined

PANEL = 192
"""Least side in pixels at which a patch is drawn."""
_LINE, _LINES, _HEADER = 15, 5, 46
_REAL, _REAL_LABELS, _MADE_LABELS, _MADE = "real crop", "its labels", "synthetic with its labels", "synthetic"
_PANELS = (_REAL, _REAL_LABELS, _MADE_LABELS, _MADE)


@dataclass(frozen=True)
class Pair:
    """A synthetic sample, the real crop that it derives from (None if there is none), and its caption."""

    synthetic: Sample
    real: Sample | None
    caption: str = ""


def contact_sheet(
    pairs: Sequence[Pair], path: Path, classes: Sequence[str], *, title: str = "", per_row: int = 2
) -> None:
    """Write a sheet as PNG.

    A pair has four panels: the real crop without and with its own outlines, and the synthetic patch with the outlines
    of its labels and without. Panels that no pair has are left out: real crops of images without a source, outlines of
    images without labels. Patches are enlarged to at least 192 px. Outlines are drawn at that size, one pixel
    inside the nucleus, in the colour of its class.

    Args:
        pairs: the pairs to show, in order; patches of one size.
        path: file to write.
        classes: names of nucleus classes 1, 2, ....
        title: heading, for example method and dataset.
        per_row: number of pairs per row; more if pairs have fewer than four panels.
    """
    shown = _shown(pairs)
    per_row *= 4 // len(shown)
    side = max((max(pair.synthetic.image.shape[:2]) for pair in pairs), default=PANEL)
    scale = max(1, -(-PANEL // side))
    panel = side * scale
    rows = -(-len(pairs) // per_row)
    captions = [_wrapped(pair.caption, len(shown) * panel // 7) for pair in pairs]
    most = max(map(len, captions), default=1)
    cell = (len(shown) * (panel + GAP) + 3 * GAP, panel + 3 + most * _LINE + GAP)
    sheet = Image.new("RGB", (per_row * cell[0] + GAP, max(rows, 1) * cell[1] + _HEADER), PAPER)
    draw = ImageDraw.Draw(sheet)
    labelled = _REAL_LABELS in shown or _MADE_LABELS in shown
    _header(draw, title, classes if labelled else (), shown)
    for index, pair in enumerate(pairs):
        x = GAP + index % per_row * cell[0]
        y = _HEADER + index // per_row * cell[1]
        panels = _panels(pair, scale)
        for place, name in enumerate(shown):
            if name in panels:
                sheet.paste(Image.fromarray(panels[name]), (x + place * (panel + GAP), y))
        for number, text in enumerate(captions[index]):
            draw.text((x, y + panel + 2 + number * _LINE), text, INK, font(12))
    save(sheet, path)


def set_sheet(synthetic: SyntheticSet, train: Dataset, path: Path, *, title: str = "", n: int = 16) -> None:
    """Write the sheet of a sealed set: `n` samples spread over its kinds, each with its window of the source tile.

    A set that was requested only by class has no such windows: see :func:`reports.class_sheet.class_sheet`.
    """
    if shows_classes(synthetic):
        class_sheet(synthetic, train, path, title=title)
        return
    places = {identifier: index for index, identifier in enumerate(train.ids)}
    pairs = []
    for index in _spread([record.kind for record in synthetic.metadata], n):
        record, sample = synthetic.metadata[index], synthetic[index]
        place = None if record.tile is None else places.get(record.tile)
        real = None if place is None else crop(train[place], record.crop, sample.image.shape[:2])
        pairs.append(Pair(sample, real, _about(record)))
    contact_sheet(pairs, path, synthetic.info.classes, title=title)


def crop(sample: Sample, corner: Sequence[int] | None, shape: tuple[int, int]) -> Sample:
    """Cut out the window of `shape` (h, w) with top left pixel `corner` (None: the upper left corner of the image).

    Instance ids remain those of the tile, so that `types` still belongs to them.
    """
    y, x = corner or (0, 0)
    window = (slice(y, y + shape[0]), slice(x, x + shape[1]))
    instances = None if sample.instances is None else sample.instances[window]
    return replace(sample, image=sample.image[window], instances=instances, ignore=None)


def _shown(pairs: Sequence[Pair]) -> list[str]:
    """Return the names of the panels that at least one pair has, in order."""
    found = {name for pair in pairs for name in _panels(pair, 1)}
    return [name for name in _PANELS if name in found] or [_MADE]


def _panels(pair: Pair, scale: int) -> dict[str, np.ndarray]:
    """Return the images of a pair by the names of their panels."""
    panels = {}
    for sample, plain, labelled in ((pair.real, _REAL, _REAL_LABELS), (pair.synthetic, _MADE, _MADE_LABELS)):
        if sample is not None:
            panels[plain] = outlined(sample.image, None, None, scale)
            if sample.instances is not None and sample.types is not None:
                panels[labelled] = outlined(sample.image, sample.instances, sample.types, scale)
    return panels


def _header(draw: ImageDraw.ImageDraw, title: str, classes: Sequence[str], shown: Sequence[str]) -> None:
    order = f"of each: {', '.join(shown)}"
    draw.text((GAP, 4), f"{title}   ({order})" if title else order, INK, font(14))
    x = GAP
    for name, colour in class_colours(classes).items():
        draw.rectangle((x, 27, x + 12, 39), fill=colour, outline=INK)
        draw.text((x + 18, 26), name, INK, font(12))
        x += 34 + int(draw.textlength(name, font(12)))


def _spread(kinds: Sequence[str], n: int) -> list[int]:
    """Return up to `n` indices, equally many of each kind if there are enough, evenly spread over each kind."""
    groups = [[i for i, kind in enumerate(kinds) if kind == name] for name in dict.fromkeys(kinds)]
    chosen: list[int] = []
    for number, group in enumerate(sorted(groups, key=len)):
        take = min(len(group), (n - len(chosen)) // (len(groups) - number))
        chosen += [group[round(i * (len(group) - 1) / max(take - 1, 1))] for i in range(take)]
    return sorted(chosen)


def _about(record: SyntheticRecord) -> str:
    """Return what a sample derives from: the tile and its window, and the caption if that was drawn."""
    window = f" at {record.crop[0]}, {record.crop[1]}" if record.crop is not None else ""
    tile = f"{record.tile}{window}" if record.tile else ""
    drawn = record.caption if "text" in record.sources or not tile else None
    return f"{record.kind}: " + ("; ".join(filter(None, [tile, drawn])) or "no source")


def _wrapped(text: str, length: int) -> list[str]:
    return textwrap.wrap(text, length, max_lines=_LINES, placeholder=" ...") or [""]
