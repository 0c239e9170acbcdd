"""Footnotes of a table: one for each cause, with the names of all arms that it holds for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from reports.board import Cell
from reports.causes import Cause, causes
from reports.numbers import letter

UNEXPLAINED = Cause("not measured")


class Footnote(NamedTuple):
    """A letter, and what it stands for."""

    letter: str
    text: str


def causes_of(cell: Cell | None) -> list[Cause]:
    """Return what must be said of a cell; a cell that no run wrote has no reason of its own."""
    return [UNEXPLAINED] if cell is None else causes(cell.reason)


class Footnotes:
    """The causes of a table in the order in which they are met, each with a letter."""

    def __init__(self) -> None:
        # what holds for a whole column and what holds for some arms are two footnotes, though of the same words
        self._names: dict[tuple[str, bool], dict[str, dict[str, None]]] = {}

    def of_column(self, shared: Iterable[Cause]) -> str:
        """Return the letters of what holds for every arm of a column, which needs no names."""
        about = [f"{cause.words} ({cause.detail})" if cause.detail else cause.words for cause in shared]
        return "".join(self._letter((words, True)) for words in about)

    def of_cell(self, found: Iterable[Cause], name: str) -> str:
        """Return the letters of what holds for the cell of an arm."""
        letters: dict[str, None] = {}
        for cause in found:
            letters[self._letter((cause.words, False))] = None
            details = self._names[cause.words, False].setdefault(name, {})
            details.update({cause.detail: None} if cause.detail else {})
        return "".join(letters)

    def listed(self) -> list[Footnote]:
        """Return the footnotes."""
        return [
            Footnote(letter(index), ": ".join(filter(None, [words, ", ".join(map(_named, names.items()))])))
            for index, ((words, _), names) in enumerate(self._names.items())
        ]

    def _letter(self, about: tuple[str, bool]) -> str:
        self._names.setdefault(about, {})
        return letter(list(self._names).index(about))


def _named(entry: tuple[str, dict[str, None]]) -> str:
    name, details = entry
    return f"{name} ({' and '.join(details)})" if details else name
