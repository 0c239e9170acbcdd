"""Leaderboards in Markdown: for readmes, issues and tracking servers."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from reports.board import Leaderboard, Row
from reports.columns import Column
from reports.floors import details, floor_rows, mixed_columns
from reports.numbers import MISSING, Notes, is_void, number, sole_encoder
from reports.remarks import remarks, subtitle, warnings
from reports.spreads import spread_lines
from reports.verdicts import verdict_text


def render_markdown(board: Leaderboard, *, everything: bool = False) -> str:
    """Return a board as a Markdown table; scores that may be called the best are bold."""
    columns = list(board.columns) if everything else board.main
    sole = bool(sole_encoder(columns))
    notes, mixed = Notes(), mixed_columns(board, columns)
    headings = [escape(" ".join(column.heading(with_encoder=not sole))) for column in columns]
    lines = [
        f"### {escape(board.title)}",
        "",
        *(part for line in warnings(board) for part in (f"**{escape(line)}**", "")),
        table_line(["method", "network", "seeds", *_with_verdicts(board, columns, headings, "verdict")]),
        table_line(["---", "---", "---:", *_with_verdicts(board, columns, ["---:" for _ in columns], "---")]),
    ]
    for floor in floor_rows(board, columns):
        written = [_floor(floor.cells.get(column)) for column in columns]
        lines.append(table_line([f"*{floor.name}*", "", "", *_with_verdicts(board, columns, written, "")]))
    for index, row in enumerate(board.rows):
        cells = [_cell(board, index, row, column, notes, mixed) for column in columns]
        named = " ".join(part for part in (escape(row.title), escape(row.warning)) if part)
        words = ", ".join(verdict_text(board, index))
        shown = _with_verdicts(board, columns, cells, words)
        lines.append(table_line([named, row.downstream, str(row.seeds), *shown]))
    said = (subtitle(board, columns), *notes.lines(), *remarks(board, columns), *spread_lines(board))
    return "\n".join([*lines, "", *(f"- {escape(line)}" for line in said if line), ""])


def _with_verdicts(board: Leaderboard, columns: Sequence[Column], cells: Sequence[str], words: str) -> list[str]:
    """Return cells with one more after that of the difference that is tested, if the board has verdicts."""
    added = [[cell, words] if column == board.primary else [cell] for column, cell in zip(columns, cells, strict=True)]
    return [cell for some in added for cell in some] if board.verdicts else list(cells)


def _floor(written: tuple[str, str] | None) -> str:
    if written is None:
        return ""
    value, range_ = written
    return f"*{value} ({range_})*" if range_ else f"*{value}*"


def _cell(board: Leaderboard, index: int, row: Row, column: Column, notes: Notes, mixed: Collection[Column]) -> str:
    if is_void(row, column):
        return ""
    cell = row.cells.get(column)
    letter = notes.cell(cell)
    raised = f"<sup>{letter}</sup>" if letter else ""
    if cell is None or cell.value is None:
        return MISSING + raised
    mark = board.mark(index, column)
    value = number(cell.value, column)
    value = f"**{value}**" if board.is_best(index, column) else value
    more = details(cell, column, mixed)
    # the interval of a difference has brackets of its own
    shown = "".join(f" {part}" if part.startswith("[") else f" ({part})" for part in more)
    return (f"{mark} " if mark else "") + value + raised + shown


def table_line(cells: Sequence[str]) -> str:
    """Return one line of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def escape(text: str) -> str:
    """Return a text whose characters have no meaning in Markdown."""
    return text.replace("|", "\\|").replace("_", "\\_").replace("*", "\\*")
