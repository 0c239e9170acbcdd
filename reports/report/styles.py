"""How arms look: one colour, marker and dash per arm, the same in every chart of a part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from reports.board import BASELINE, CONTROLS, Leaderboard

COLOURS = 6
"""Number of colours of methods in the style sheet (Okabe & Ito); further methods have other dashes and markers."""
_DASHES = ("", "dashed", "dotted")


class Style(NamedTuple):
    """The classes of an arm's lines and markers in the style sheet, and the number of its marker's shape."""

    css: str
    shape: int

    @property
    def is_control(self) -> bool:
        """Whether it is the style of a control."""
        return "control" in self.css.split()


def styles_of(titles: Iterable[str]) -> dict[str, Style]:
    """Return the style of each arm by its title; controls are grey, and methods have colours in their order."""
    found: dict[str, Style] = {}
    for title in dict.fromkeys(titles):
        method = title.partition(" (")[0]
        if method in CONTROLS:
            dash = "" if method == BASELINE else _DASHES[1 + CONTROLS.index(method) % 2]
            found[title] = Style(f"control {dash}".strip(), CONTROLS.index(method))
        else:
            place = sum(not style.is_control for style in found.values())
            dash = _DASHES[place // COLOURS % len(_DASHES)]
            found[title] = Style(f"c{place % COLOURS} {dash}".strip(), place % COLOURS + place // COLOURS)
    return found


def titles_of(boards: Iterable[Leaderboard]) -> list[str]:
    """Return the titles of the arms of some boards, in their order."""
    return list(dict.fromkeys(row.title for board in boards for row in board.rows))


def style_of(styles: Mapping[str, Style], title: str) -> Style:
    """Return the style of an arm; one that is on no board has that of controls."""
    return styles.get(title, Style("control", 0))
