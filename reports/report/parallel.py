"""Fidelity, faithfulness and utility of every arm on parallel axes, of which the upper end is the better one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from reports.board import Cell, Leaderboard, Row
from reports.columns import Column
from reports.numbers import MISSING, interval, number
from reports.report.extent import cells_of, extent_of
from reports.report.figure import Figure, Table
from reports.report.styles import Style, style_of
from reports.report.summary import metric_title
from reports.report.svg import Drawing, Point, Scale, spread_out
from reports.ticks import ticks_of

_WIDTH, _TOP, _BOTTOM, _LEFT, _RIGHT, _GAP = 820, 62, 24, 70, 210, 17
_FITTING, _LETTER, _MOST = 26, 7, 60
"""The letters that fit next to the last axis, the width of a letter, and the letters of the longest label."""
_FEWEST = 2
_BESIDE, _CLEAR = 2.2, 9
"""Pixels between the intervals of two arms on one axis, and those free of numbers at its ends."""


class _Axis(NamedTuple):
    question: str
    column: Column
    scale: Scale
    ticks: Sequence[float]
    x: float


def parallel_of(board: Leaderboard, styles: Mapping[str, Style]) -> list[Figure]:
    """Return a chart for each network, or one if no network was trained; none if fewer than two axes have numbers."""
    networks = list(dict.fromkeys(row.downstream for row in board.rows))
    columns = _columns(board)
    figures = []
    for network in networks:
        rows = [row for row in board.rows if row.downstream == network]
        shown = {question: column for question, column in columns.items() if cells_of(rows, column)}
        if len(shown) >= _FEWEST:
            figures.append(_figure(board, network if len(networks) > 1 else "", rows, shown, styles))
    return figures


def _columns(board: Leaderboard) -> dict[str, Column]:
    """Return the column of each question; a question without a metric is left out."""
    scores = [column for column in board.main if column.kind == "score"]
    distances = [column for column in scores if column.is_distance]
    found = {"fidelity": next((c for c in distances if c.split == "test"), distances[0] if distances else None)}
    for question, group in (("faithfulness", "faithfulness"), ("alignment", "alignment"), ("label", "selection")):
        named = (c for c in scores if c.about is not None and c.about.group == group and c.direction != "none")
        found[question] = next(named, None)
    networks = [column for column in scores if not column.is_of_images]
    found["utility"] = board.primary_score or (networks[0] if networks else None)
    return {question: column for question, column in found.items() if column is not None}


def _figure(
    board: Leaderboard, network: str, rows: Sequence[Row], columns: Mapping[str, Column], styles: Mapping[str, Style]
) -> Figure:
    height = _TOP + _BOTTOM + max(220, _GAP * len(rows))
    longest = max((len(_cut(row.title)) for row in rows), default=0)
    drawing = Drawing(_WIDTH + round(max(0, longest - _FITTING) * _LETTER), height)
    axes = _axes(rows, columns, height)
    for axis in axes:
        _draw_axis(drawing, axis, rows)
    aside = {row.title: _BESIDE * (place - (len(rows) - 1) / 2) for place, row in enumerate(rows)}
    last = {row.title: _points(axes, row)[-1:] for row in rows}
    named = [row for row in rows if last[row.title]]
    heights = spread_out([last[row.title][0][1] for row in named], _GAP, _TOP - 8, height - _BOTTOM + 8)
    for row, y in sorted(zip(named, heights, strict=True), key=lambda pair: not pair[0].is_control):
        _draw_arm(drawing, axes, row, style_of(styles, row.title), y, aside[row.title])
    for axis in axes:  # numbers are above lines
        _draw_ticks(drawing, axis)
    about = ", ".join(f"{question}: {metric_title(column)}" for question, column in columns.items())
    alt = f"Parallel axes of {about}{f', {network}' if network else ''}; one line per arm. The table has the numbers."
    caption = "Each line is an arm; higher is better on every axis. Thin bars are 95 % intervals. A broken line means "
    caption += "that an arm has no number on an axis; arrows at an axis' end mark values beyond it."
    if any(_floor(axis.column, rows) is not None for axis in axes):
        caption += " The short line labelled “real” is the distance between real images."
    return Figure(
        ", ".join(filter(None, ["Fidelity, faithfulness and utility", network])),
        [drawing.markup(alt)],
        caption,
        _table(rows, columns),
        wide=True,
    )


def _axes(rows: Sequence[Row], columns: Mapping[str, Column], height: float) -> list[_Axis]:
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(columns) - 1, 1)
    axes = []
    for place, (question, column) in enumerate(columns.items()):
        floor = _floor(column, rows)
        extent = extent_of(cells_of(rows, column), column, [] if floor is None else [floor * column.scale])
        ends = (_TOP, height - _BOTTOM) if column.direction == "lower" else (height - _BOTTOM, _TOP)
        ticks = [tick for tick in ticks_of(extent) if extent[0] <= tick <= extent[1]]
        axes.append(_Axis(question, column, Scale(*extent, *ends), ticks, _LEFT + place * step))
    return axes


def _draw_axis(drawing: Drawing, axis: _Axis, rows: Sequence[Row]) -> None:
    ends = sorted((axis.scale.start, axis.scale.end))
    drawing.line((axis.x, ends[0]), (axis.x, ends[1]), "axis")
    drawing.text((axis.x, 16), axis.question, "name", "middle")
    words = [part for part in axis.column.heading() if part]
    drawing.text((axis.x, 34), words[0], "tick", "middle")
    drawing.text((axis.x, 49), " ".join(words[1:]), "tick", "middle")
    floor = _floor(axis.column, rows)
    if floor is not None:
        y = axis.scale.at(floor * axis.column.scale)
        drawing.line((axis.x - 14, y), (axis.x + 26, y), "floor")
        drawing.text((axis.x + 30, y + 4), "real", "tick over")


def _draw_ticks(drawing: Drawing, axis: _Axis) -> None:
    ends = (axis.scale.start, axis.scale.end)
    for tick in axis.ticks:
        y = axis.scale.at(tick)
        if min(abs(y - end) for end in ends) >= _CLEAR:
            drawing.text((axis.x - 20, y + 4), number(tick / axis.column.scale, axis.column), "tick over", "end")


def _draw_arm(drawing: Drawing, axes: Sequence[_Axis], row: Row, style: Style, label: float, aside: float) -> None:
    drawing.begin(f"series {style.css}", row.title)
    before: tuple[int, Point] | None = None
    for place, axis in enumerate(axes):
        cell = row.cells.get(axis.column)
        if cell is None or cell.value is None:
            continue
        point = (axis.x, axis.scale.at(cell.value * axis.column.scale))
        if before is not None:
            drawing.line(before[1], point, "stroke" if place - before[0] == 1 else "stroke gap")
        before = place, point
    for axis in axes:
        cell = row.cells.get(axis.column)
        if cell is not None and cell.value is not None:
            _draw_point(drawing, axis, cell, style, aside)
    end = _points(axes, row)[-1]
    drawing.path([(end[0] + 14, end[1]), (end[0] + 20, label), (_WIDTH - _RIGHT + 26, label)], "lead")
    drawing.text((_WIDTH - _RIGHT + 30, label + 4), _cut(row.title), "label")
    drawing.end()


def _draw_point(drawing: Drawing, axis: _Axis, cell: Cell, style: Style, aside: float) -> None:
    value = (cell.value or 0.0) * axis.column.scale
    y = axis.scale.at(value)
    if cell.low is not None and cell.high is not None:
        low, high = (axis.scale.at(bound * axis.column.scale) for bound in (cell.low, cell.high))
        drawing.line((axis.x + aside, low), (axis.x + aside, high), "stroke solid whisker")
    drawing.marker((axis.x, y), style.shape, "dot" if axis.scale.holds(value) else "dot away")
    if not axis.scale.holds(value):
        down = 1 if y > (axis.scale.start + axis.scale.end) / 2 else -1
        drawing.path([(axis.x - 4, y + 8 * down), (axis.x, y + 13 * down), (axis.x + 4, y + 8 * down)], "stroke solid")
        drawing.text((axis.x - 9, y + 12 * down + 3), number(cell.value or 0.0, axis.column), "tick over", "end")


def _points(axes: Sequence[_Axis], row: Row) -> list[Point]:
    cells = [(axis, row.cells[axis.column]) for axis in axes if axis.column in row.cells]
    return [(a.x, a.scale.at(cell.value * a.column.scale)) for a, cell in cells if cell.value is not None]


def _floor(column: Column, rows: Sequence[Row]) -> float | None:
    cells = (row.cells[column] for row in rows if column in row.cells)
    return next((cell.floor for cell in cells if cell.floor is not None), None) if column.is_distance else None


def _table(rows: Sequence[Row], columns: Mapping[str, Column]) -> Table:
    heads = [f"{question}: {' '.join(column.heading())}" for question, column in columns.items()]
    return Table(["arm", *heads], [[row.title, *(_said(row, column) for column in columns.values())] for row in rows])


def _said(row: Row, column: Column) -> str:
    cell = row.cells.get(column)
    if cell is None:
        return MISSING
    if cell.value is None:
        return f"{MISSING} ({cell.reason})"
    bounds = interval(cell, column)
    return f"{number(cell.value, column)}{f' ({bounds})' if bounds else ''}"


def _cut(title: str) -> str:
    return title if len(title) <= _MOST else f"{title[: _MOST - 1]}…"
