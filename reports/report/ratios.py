"""Charts of scores against the ratio of synthetic to real images."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from reports.board import Leaderboard
from reports.columns import Column
from reports.numbers import MISSING, interval, number
from reports.report.figure import Figure, Table, key
from reports.report.panel import Panel
from reports.report.styles import Style, styles_of
from reports.report.summary import metric_title
from reports.scaling import Line, Scaling, scalings


def ratios_of(board: Leaderboard) -> list[Figure]:
    """Return a chart for each method that has arms of several ratios: a panel per score and a line per network."""
    return [_figure(scaling) for scaling in scalings(board)]


def _figure(scaling: Scaling) -> Figure:
    styles = styles_of(scaling.networks)
    panels = [_panel(scaling, column, styles) for column in scaling.columns]
    caption = "Scores against the ratio of synthetic to real images; 0 is real-only. Bands are 95 % intervals."
    legend = [key(style, network) for network, style in styles.items()]
    return Figure(scaling.title, panels, caption, _table(scaling), legend)


def _panel(scaling: Scaling, column: Column, styles: Mapping[str, Style]) -> Markup:
    lines = [line for line in scaling.lines if line.column == column]
    cells = [cell for line in lines for cell in line.cells.values()]
    numbers = [one for cell in cells for one in (cell.value, cell.low, cell.high) if one is not None]
    room = 0.05 * scaling.ratios[-1]
    panel = Panel(
        " ".join(column.heading()),
        (-room, scaling.ratios[-1] + room),
        (min(numbers), max(numbers)),
        "synthetic : real",
        lambda value: number(value, column),
    )
    panel.ticks_across([(ratio, f"{ratio:g}") for ratio in scaling.ratios])
    for line in lines:
        _draw(panel, line, styles[line.network])
    return panel.markup(f"{metric_title(column)} of {scaling.title} by ratio. The table has the numbers.")


def _draw(panel: Panel, line: Line, style: Style) -> None:
    known = [(ratio, cell) for ratio, cell in sorted(line.cells.items()) if cell.value is not None]
    band = [(ratio, cell.low, cell.high) for ratio, cell in known if cell.low is not None and cell.high is not None]
    points = [(ratio, cell.value) for ratio, cell in known if cell.value is not None]
    panel.series(points, style, line.network, band=band, markers=True)


def _table(scaling: Scaling) -> Table:
    head = ["score", "network", *(f"{ratio:g}x" if ratio else "0" for ratio in scaling.ratios)]
    rows = [
        [" ".join(line.column.heading()), line.network, *(_said(line, ratio) for ratio in scaling.ratios)]
        for line in scaling.lines
    ]
    return Table(head, rows, leads=2)


def _said(line: Line, ratio: float) -> str:
    cell = line.cells.get(ratio)
    if cell is None or cell.value is None:
        return MISSING if cell is None or not cell.reason else f"{MISSING} ({cell.reason})"
    bounds = interval(cell, line.column)
    return f"{number(cell.value, line.column)}{f' ({bounds})' if bounds else ''}"
