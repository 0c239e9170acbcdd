"""How numbers and their intervals are written for people; every view writes them alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from reports.board import Cell, Leaderboard, Row
from reports.columns import Column

MISSING = "\N{EN DASH}"
_UNEXPLAINED = "not measured for this arm"
_RAISED = dict(zip("abcdefghijklmnoprstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", strict=True))


def number(value: float, column: Column) -> str:
    """Write a score as .374, a difference as +.012, a distance or cost with three digits that count."""
    value *= column.scale
    if column.is_distance or column.kind == "cost" or abs(value) >= 10:
        text = f"{value:#.3g}".rstrip(".") if 1e-3 <= abs(value) < 1e5 or value == 0 else f"{value:.2e}"
        return ("+" if column.signed and value >= 0 else "") + text
    text = f"{value:+.3f}" if column.signed else f"{value:.3f}"
    sign, digits = (text[0], text[1:]) if text[0] in "+-" else ("", text)
    return sign + digits.removeprefix("0")


def interval(cell: Cell, column: Column) -> str:
    """Write an interval as two bounds with a dash, of what may be negative as [-.012, +.024]; may be empty."""
    if cell.low is None or cell.high is None:
        return ""
    low, high = number(cell.low, column), number(cell.high, column)
    return f"[{low}, {high}]" if column.signed or cell.low < 0 else f"{low}\N{EN DASH}{high}"


def is_void(row: Row, column: Column) -> bool:
    """Say whether a number has no meaning: an arm without images has no distance, the baseline no difference."""
    return column not in row.cells and (column.is_of_images or column.signed or column.kind == "cost")


@dataclass
class Notes:
    """Remarks below a table, each told once and referred to by a letter."""

    texts: list[str] = field(default_factory=list)

    def mark(self, text: str) -> str:
        """Return the letter of a remark."""
        if text not in self.texts:
            self.texts.append(text)
        return _letter(self.texts.index(text))

    def cell(self, cell: Cell | None) -> str:
        """Return the letter of what a cell lacks or a reader of it must know, empty where there is nothing to say."""
        if cell is None:
            return self.mark(_UNEXPLAINED)
        return self.mark(cell.reason) if cell.reason else ""

    def lines(self) -> list[str]:
        """List the remarks with their letters."""
        return [f"{_letter(index)}  {text}" for index, text in enumerate(self.texts)]


def remarks(board: Leaderboard) -> list[str]:
    """Say what concerns a whole board: what intervals cover, what marks mean, what was left out."""
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
        lines.append(f"{board.outdated} numbers of an older protocol are left out; run again to measure anew")
    return lines


def _skipped(board: Leaderboard) -> list[str]:
    """Say of the instance means how many images they leave out."""
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
    """Name a row of floors; the number of images stands above the table where there is only one."""
    return "real vs real" if n is None or sizes == 1 else f"real vs real, n={n}"


def same(values: Sequence[object]) -> bool:
    """Say whether all values are equal: what is equal is told once, above the table."""
    return len(set(values)) <= 1


def sole_encoder(columns: Sequence[Column]) -> str:
    """Return the encoder of all distances where there is just one: its name then stands above the table."""
    names = {column.metric.partition("@")[2] for column in columns if column.is_distance} - {""}
    return names.pop() if len(names) == 1 else ""


def subtitle(board: Leaderboard, columns: Sequence[Column]) -> str:
    """Say what all rows share: encoder, number of images compared, network and number of seeds."""
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
    """Raise a remark's letter above the line, so that it is no part of the number before it."""
    return "".join(_RAISED.get(character, character) for character in letter)


def _letter(index: int) -> str:
    """Return a, b, ..., z, aa, ab, ...; no q, which has no raised form."""
    letters = list(_RAISED)
    rest, last = divmod(index, len(letters))
    return (letters[rest - 1] if rest else "") + letters[last]
