"""Scores against the ratio of synthetic to real images: arms of one method that differ only in their ratio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from reports.board import BASELINE, Cell, Leaderboard, Row
from reports.columns import Column

# How variants name a ratio: parts of one set, sets chosen from a pool, settings.
_FORMS = ("{:g}x", "{:.0%}", "ratio={:g}")
_FEWEST = 2


class Line(NamedTuple):
    """The scores of one network by ratio; the baseline has the ratio 0."""

    network: str
    column: Column
    cells: Mapping[float, Cell]


@dataclass(frozen=True)
class Scaling:
    """One method's arms by ratio, on the board that they are from."""

    title: str
    board: str
    ratios: Sequence[float]
    lines: Sequence[Line]

    @property
    def columns(self) -> list[Column]:
        """The scores, in reading order."""
        return list(dict.fromkeys(line.column for line in self.lines))

    @property
    def networks(self) -> list[str]:
        """The networks, in the order of the board."""
        return list(dict.fromkeys(line.network for line in self.lines))


def scalings(board: Leaderboard) -> list[Scaling]:
    """Return the methods of a board that have arms of at least two ratios, with their main scores of networks."""
    families: dict[tuple[str, str, str, str, str], list[Row]] = {}
    for row in board.rows:
        form = _form(row)
        if form is not None and row.downstream:
            families.setdefault((row.method, row.set, row.warning, *form), []).append(row)
    found = []
    for (method, set_, warning, _, rest), rows in families.items():
        ratios = sorted({row.ratio for row in rows if row.ratio is not None})
        if len(ratios) >= _FEWEST:
            lines = _lines(board, rows)
            about = ", ".join(part for part in (rest, f"set {set_}" if set_ else "") if part)
            title = " ".join(part for part in (method, f"({about})" if about else "", warning) if part)
            found.append(Scaling(title, board.title, [0.0, *ratios], lines))
    return found


def _lines(board: Leaderboard, rows: Sequence[Row]) -> list[Line]:
    columns = [column for column in board.main if column.kind == "score" and not column.is_of_images]
    networks = list(dict.fromkeys(row.downstream for row in rows))
    start = {row.downstream: row for row in board.rows if row.method == BASELINE}
    lines = []
    for column in columns:
        for network in networks:
            points = [(0.0, start[network])] if network in start else []
            points += [(row.ratio, row) for row in rows if row.downstream == network and row.ratio is not None]
            cells = {ratio: row.cells[column] for ratio, row in points if column in row.cells}
            if any(cell.value is not None for cell in cells.values()):
                lines.append(Line(network, column, cells))
    return lines


def _form(row: Row) -> tuple[str, str] | None:
    """Return how a row's variant names its ratio, and the rest of the variant; None if it does not name it."""
    words = row.variant.split()
    for form in _FORMS if row.ratio is not None else ():
        word = form.format(row.ratio)
        if word in words:
            return form, " ".join(other for other in words if other != word)
    return None
