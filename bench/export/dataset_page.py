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
    lines += ["", "## Generic sources"]
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
