"""Formatting of numbers and their intervals; every view uses it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from reports.board import Cell, Leaderboard, Row
from reports.columns import Column

MISSING = "\N{EN DASH}"
_UNEXPLAINED = "not measured for this arm"
_RAISED = dict(zip("abcdefghijklmnoprstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", strict=True))


def number(value: float, column: Column) -> str:
    """Return a score as .374, a difference as +.012, a distance or cost with three significant digits."""
    value *= column.scale
    if column.is_distance or column.kind == "cost" or abs(value) >= 10:
        text = f"{value:#.3g}".rstrip(".") if 1e-3 <= abs(value) < 1e5 or value == 0 else f"{value:.2e}"
        return ("+" if column.signed and value >= 0 else "") + text
    text = f"{value:+.3f}" if column.signed else f"{value:.3f}"
    sign, digits = (text[0], text[1:]) if text[0] in "+-" else ("", text)
    return sign + digits.removeprefix("0")


def interval(cell: Cell, column: Column) -> str:
    """Return an interval as two bounds with a dash, or as [-.012, +.024] if it may be negative; it may be empty."""
    if cell.low is None or cell.high is None:
        return ""
    low, high = number(cell.low, column), number(cell.high, column)
    return f"[{low}, {high}]" if column.signed or cell.low < 0 else f"{low}\N{EN DASH}{high}"


def is_void(row: Row, column: Column) -> bool:
    """Return whether a number has no meaning: an arm without images has no distance, the baseline no difference."""
    return column not in row.cells and (column.is_of_images or column.signed or column.kind == "cost")


@dataclass
class Notes:
    """Remarks below a table, each of which is listed once and referred to by a letter."""

    texts: list[str] = field(default_factory=list)

    def mark(self, text: str) -> str:
        """Return the letter of a remark."""
        if text not in self.texts:
            self.texts.append(text)
        return _letter(self.texts.index(text))

    def cell(self, cell: Cell | None) -> str:
        """Return the letter of the remark on a cell; empty if there is nothing to remark."""
        if cell is None:
            return self.mark(_UNEXPLAINED)
        return self.mark(cell.reason) if cell.reason else ""

    def lines(self) -> list[str]:
        """Return the remarks with their letters."""
        return [f"{_letter(index)}  {text}" for index, text in enumerate(self.texts)]


def remarks(board: Leaderboard) -> list[str]:
    """Return remarks on a whole board: what intervals cover, what marks mean, what was left out."""
    seeds = {row.seeds for row in board.rows if row.seeds}
    lines = []
    if min(seeds, default=1) == 1:
        lines.append("one seed: intervals cover the choice of test groups only; nothing is marked as better")
    elif min(seeds) < 3:
        lines.append("fewer than three seeds: nothing is marked as better")
    if board.verdicts:
        lines.append("▲ better, ▼ worse than real-only: paired interval excludes 0, Holm-corrected p < .05")
    lines.extend(_skipped(board))
    if board.outdated:
        lines.append(f"{board.outdated} numbers of an older protocol are left out; run again to measure them again")
    return lines


def _skipped(board: Leaderboard) -> list[str]:
    """Return a remark on how many images the means over images leave out."""
    cells = [cell for row in board.rows for column, cell in row.cells.items() if column.metric == "pq/image"]
    most = max((cell.n_skipped or 0 for cell in cells), default=0)
    if not most:
        return []
    return [f"means over images leave out up to {most} of {cells[0].n}, without a nucleus in truth and prediction"]


def floors(board: Leaderboard, columns: Sequence[Column]) -> list[tuple[int | None, dict[Column, float]]]:
    """Return the real-versus-real floors of distances, one entry for each number of images compared."""
    found: dict[int | None, dict[Column, float]] = {}
    for row in board.rows:
        for column in columns:
            cell = row.cells.get(column)
            if column.is_distance and cell is not None and cell.floor is not None:
                found.setdefault(cell.n, {}).setdefault(column, cell.floor)
    return list(found.items())


def floor_name(n: int | None, sizes: int) -> str:
    """Return the name of a row of floors; with a single number of images, that number is above the table."""
    return "real vs real" if n is None or sizes == 1 else f"real vs real, n={n}"


def same(values: Sequence[object]) -> bool:
    """Return whether all values are equal; a common value is shown once, above the table."""
    return len(set(values)) <= 1


def sole_encoder(columns: Sequence[Column]) -> str:
    """Return the encoder of all distances if there is only one, which is then named above the table."""
    names = {column.metric.partition("@")[2] for column in columns if column.is_distance} - {""}
    return names.pop() if len(names) == 1 else ""


def subtitle(board: Leaderboard, columns: Sequence[Column]) -> str:
    """Return what all rows share: encoder, number of images compared, network and number of seeds."""
    sizes = [n for n, _ in floors(board, columns)]
    networks = [row.downstream for row in board.rows if row.downstream]
    seeds = [row.seeds for row in board.rows]
    parts = [
        sole_encoder(columns),
        f"n={sizes[0]}" if len(sizes) == 1 and sizes[0] is not None else "",
        networks[0] if networks and same(networks) else "",
        f"{seeds[0]} seed" + ("s" if seeds[0] != 1 else "") if seeds and same(seeds) else "",
    ]
    return " · ".join(part for part in parts if part)


def superscript(letter: str) -> str:
    """Return a remark's letter as a superscript, so that it is not part of the number before it."""
    return "".join(_RAISED.get(character, character) for character in letter)


def _letter(index: int) -> str:
    """Return a, b, ..., z, aa, ab, ...; without q, which has no superscript form."""
    letters = list(_RAISED)
    rest, last = divmod(index, len(letters))
    return (letters[rest - 1] if rest else "") + letters[last]
