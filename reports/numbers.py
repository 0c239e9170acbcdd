"""Formatting of numbers and their intervals; every view uses it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from reports.board import Cell, Row
from reports.columns import Column

MISSING = "\N{EN DASH}"
_RAISED = dict(zip("abcdefghijklmnoprstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", strict=True))


def number(value: float, column: Column) -> str:
    """Return a score as .374, a difference as +.012, a distance or cost with three significant digits."""
    value *= column.scale
    if column.kind == "cost" and 0 < value < 1e-3:
        return "<0.001"
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
        return letter(self.texts.index(text))

    def lines(self) -> list[str]:
        """Return the remarks with their letters."""
        return [f"{letter(index)}  {text}" for index, text in enumerate(self.texts)]


def same(values: Sequence[object]) -> bool:
    """Return whether all values are equal; a common value is shown once, above the table."""
    return len(set(values)) <= 1


def sole_encoder(columns: Sequence[Column]) -> str:
    """Return the encoder of all distances if there is only one, which is then named above the table."""
    names = {column.metric.partition("@")[2] for column in columns if column.is_distance} - {""}
    return names.pop() if len(names) == 1 else ""


def superscript(letters: str) -> str:
    """Return the letters of remarks as superscripts, so that they are not part of the number before them."""
    return "".join(_RAISED.get(character, character) for character in letters)


def letter(index: int) -> str:
    """Return a, b, ..., z, aa, ab, ...; without q, which has no superscript form."""
    letters = list(_RAISED)
    rest, last = divmod(index, len(letters))
    return (letters[rest - 1] if rest else "") + letters[last]
