"""Write docs/datasets.md from the cards: `python -m bench.export.dataset_page docs/datasets.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from bench.datasets.card import INDEPENDENT, DatasetCard, card_names, load_card
from bench.export.image_rules import image_rules

_HEAD = """# Datasets

Written from the cards in `configs/datasets/` by `python -m bench.export.dataset_page docs/datasets.md`;
`bench data status` shows which of them are on a machine, `bench data verify NAME` compares one with the counts below.

A dataset of your own is a card that names one of the generic sources: see `examples/cards/`, and run it by its path,
`--dataset my-card.yaml`. [How images are read](#how-images-are-read) holds for all of them.
"""

_LABEL_MAPS = """
## Label maps

A label file holds one id per nucleus, and 0 elsewhere. Some files hold whole numbers that are
something else. Every command that reads labels (`bench score nuclei`, `bench import`,
`bench data verify`, and `bench run` when it prepares data) refuses what cannot be nuclei:

- A background that is not 0: -1, NaN, or -1 without a sign (4294967295). Or an id that reaches all
  four sides of the image and covers half of its border, if 0 is absent (at most 2 % of the image) or
  covers no more than one nucleus; or, except in a prediction, if the id covers more than half of the
  image next to three others or more.
- A mask of the foreground: logical values with several parts; only 0 and 255 in 8 bits, or 0 and
  65535 in 16; an id that is the only one and has 5 pieces or more; or a folder of three maps or more
  that all have one id, half of them in several pieces.
- An inverted mask: the only id covers more than half of the image, reaches all four sides, and has
  holes.
- Classes, grey values, and ids between which a resize or JPEG interpolated: half of the ids or more
  are in pieces far apart, and there are four such pieces or more.
- Ids that began again after 255: 250 to 255 ids, of which 5 % or more are in pieces far apart.
- An id that covers more than half of the image and 2000 square micrometres, except in a prediction.
- Pictures: three or four channels. A palette that only colours ids is ignored, because its indices
  are the ids; one that was made of a picture gives ids in pieces far apart.
- TIFF files that are white-is-zero, turned by a tag, or compressed with losses, or have several
  pages, planes or channels; JPEG files.

Others are named in a warning:

- An id in pieces far apart: a piece is farther from the largest piece of its id than that is long,
  than twice the median length of the map's nuclei, and than 8 px. The pieces count as one nucleus.
- An id that is the only one of its map and has 3 or 4 pieces.
- An id that covers more than half of an image and 20 times the area of the folder's median nucleus.

Pieces touch neither by a side nor by a corner; those below a tenth of the largest make no mask. A
map without nuclei is valid, and so is one nucleus in a tile, in two adjacent pieces, or over most
of a small patch. No rule applies to the 41 tiles of CoNSeP. Of 13,454 patches of 32 px cut from
14 of them, none is refused, and one has a warning.

Ids may have any type of whole numbers and any byte order. Whole numbers that are stored as floats
are accepted if the type holds them exactly (up to 2048 in 16 bits and 16,777,216 in 32). A map that
claims more than 134,217,728 pixels is refused before it is read.
"""


def page() -> str:
    """Return the page as Markdown."""
    cards = [load_card(name) for name in card_names()]
    named = [card for card in cards if not card.generic]
    lines = [_HEAD, "| dataset | task | organ | µm/px | splits | licence |", "|---|---|---|---|---|---|"]
    for card in named:
        cells = (f"[`{card.name}`](#{card.name})", card.task, card.organ, f"{card.mpp:g}", ", ".join(card.splits))
        lines.append(f"| {' | '.join(cells)} | {card.licence} |")
    for card in named:
        lines += ["", *_section(card)]
    lines += [_LABEL_MAPS, "## Generic sources"]
    for card in cards:
        if card.generic:
            lines += ["", f"### {card.name}", "", card.title + ".", "", *_layout(card), *_traps(card)]
    lines += ["", image_rules().rstrip()]
    return "\n".join(lines) + "\n"


def _section(card: DatasetCard) -> Iterator[str]:
    yield f"## {card.name}"
    yield ""
    yield f"{card.title}. {card.citation}."
    yield ""
    if card.classes:
        yield f"- Classes: {', '.join(f'{index} {name}' for index, name in sorted(card.classes.items()))}"
    if card.labels:
        yield f"- Labels: {', '.join(f'{index} {name}' for index, name in enumerate(card.labels))}"
    if card.merging:
        merged = ", ".join(f"{raw} → {into}" for raw, into in sorted(card.merging.items()))
        yield f"- Merging of stored class ids: {merged}"
    if card.divide is not None:
        kept = "" if card.divide.stratify == "none" else f", within each {card.divide.stratify}"
        yield f"- Divided by group with seed {card.divide.seed}: {card.divide.test:.0%} held out for the test{kept}"
    if card.groups is not None and card.splits != ("train",):
        narrow = "" if card.groups in INDEPENDENT else "; intervals over them may be too narrow"
        yield f"- Groups: {card.groups}{'es' if card.groups == 'patch' else 's'}{narrow}"
    for split, counts in card.expected.items():
        parts = [f"{counts.tiles:,} tiles"]
        parts += [f"{n:,} {name}" for name, n in {**counts.nuclei, **counts.labels}.items()]
        yield f"- Published, {split}: {', '.join(parts)}"
    yield f"- How to get it: {card.how_to_get}"
    yield ""
    yield from _layout(card)
    yield from _traps(card)


def _layout(card: DatasetCard) -> list[str]:
    return ["```", card.layout.rstrip(), "```"]


def _traps(card: DatasetCard) -> list[str]:
    return ["", *(f"- {trap}" for trap in card.traps)] if card.traps else []


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
