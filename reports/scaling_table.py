"""Tables of scores against the ratio of synthetic to real images, in Markdown and for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from reports.numbers import MISSING, interval, number
from reports.scaling import Line, Scaling

_ABOUT = "by ratio of synthetic to real images; 0: only real images"


def scaling_markdown(scaling: Scaling, picture: str = "") -> str:
    """Return a Markdown table, below it the file of a picture if there is one."""
    head = ["score", "network", *_headings(scaling)]
    rows = [[_name(line), line.network, *_cells(scaling, line, " ")] for line in scaling.lines]
    table = [head, ["---", "---", *("---:" for _ in scaling.ratios)], *rows]
    lines = [f"#### {scaling.title}, {_ABOUT}", "", *("| " + " | ".join(row) + " |" for row in table)]
    lines += ["", f"![{scaling.title}: scores {_ABOUT}]({picture})"] if picture else []
    return "\n".join([*lines, ""])


def scaling_terminal(scaling: Scaling) -> Table:
    """Return a table for a terminal, with each value above its interval."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, title=f"{scaling.title}, {_ABOUT}")
    table.title_justify, table.title_style = "left", "bold"
    for name in ("score", "network"):
        table.add_column(name, no_wrap=True)
    for name in _headings(scaling):
        table.add_column(name, justify="right", no_wrap=True)
    for line in scaling.lines:
        table.add_row(_name(line), line.network, *map(Text, _cells(scaling, line, "\n")))
    return table


def _headings(scaling: Scaling) -> Sequence[str]:
    return [f"{ratio:g}x" if ratio else "0" for ratio in scaling.ratios]


def _name(line: Line) -> str:
    return " ".join(line.column.heading())


def _cells(scaling: Scaling, line: Line, separator: str) -> list[str]:
    texts = []
    for ratio in scaling.ratios:
        cell = line.cells.get(ratio)
        if cell is None or cell.value is None:
            texts.append(MISSING)
            continue
        range_ = interval(cell, line.column)
        value = number(cell.value, line.column)
        texts.append(value + separator + (f"({range_})" if separator == " " else range_) if range_ else value)
    return texts
