"""Forest plots: the paired difference of each arm from the baseline with its interval, as a table with drawings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from reports.board import Cell, Leaderboard, Row
from reports.columns import Column
from reports.numbers import interval, number, same
from reports.ranking import corrected
from reports.report.extent import cells_of, extent_of
from reports.report.styles import Style, style_of
from reports.report.summary import metric_title, p_text
from reports.report.svg import Drawing, Scale
from reports.ticks import ticks_of

_WIDTH, _HEIGHT, _MARGIN = 280, 26, 14


class ForestRow(NamedTuple):
    """One arm; `picture` shows its interval, which `difference` and `bounds` say in numbers."""

    title: str
    network: str
    control: bool
    picture: Markup
    difference: str
    bounds: str
    p: str
    verdict: str
    warning: str


class Forest(NamedTuple):
    """The differences of all arms in one metric; only the primary metric is tested."""

    title: str
    rows: Sequence[ForestRow]
    axis: Markup
    caption: str
    networks: bool
    tested: bool


def forests_of(board: Leaderboard, styles: Mapping[str, Style]) -> list[Forest]:
    """Return the forest of the primary metric, then those of the other main scores of networks."""
    about = [(column.metric, column.class_) for column in board.main if column.kind == "score"]
    further = [column for column in board.columns if column.signed and (column.metric, column.class_) in about]
    ordered = dict.fromkeys([board.primary] if board.primary is not None else [])
    ordered |= dict.fromkeys(further)
    return [_forest(board, column, styles) for column in ordered if cells_of(board.rows, column)]


def _forest(board: Leaderboard, column: Column, styles: Mapping[str, Style]) -> Forest:
    cells = cells_of(board.rows, column)
    tested = column == board.primary
    effect = board.smallest_effect if tested else None
    ticks = ticks_of(extent_of(cells, column, [0.0, *((effect, -effect) if effect else ())]))
    scale = Scale(ticks[0], ticks[-1], _MARGIN, _WIDTH - _MARGIN)
    rows = []
    for index, row in enumerate(board.rows):
        cell = row.cells.get(column)
        if cell is not None:
            rows.append(_row(board, index, cell, column, scale, style_of(styles, row.title)))
    better = {"higher": "to the right of", "lower": "to the left of"}.get(column.direction)
    caption = f"Difference from real-only in {metric_title(column)}, paired over test groups; bars are 95 % intervals. "
    caption += f"Better arms are {better} the line at 0. " if better else ""
    caption += f"The band is ±{effect:g}, the smallest effect of interest. " if effect else ""
    caption += "" if tested else "This metric is not tested: nothing is marked. "
    several = not same([row.network for row in rows])
    return Forest(metric_title(column), rows, _axis(scale, ticks, column), caption.strip(), several, tested)


def _row(board: Leaderboard, index: int, cell: Cell, column: Column, scale: Scale, style: Style) -> ForestRow:
    row: Row = board.rows[index]
    tested = column == board.primary
    effect = board.smallest_effect if tested else None
    mark = board.mark(index, column)
    verdict = board.verdicts.get(index, "") if tested else ""
    p = corrected(board.rows, column).get(index) if tested else None
    return ForestRow(
        row.title,
        row.downstream,
        row.is_control,
        _picture(cell, column, scale, style, effect),
        f"no number: {cell.reason}" if cell.value is None else number(cell.value, column),
        interval(cell, column) or ("" if cell.value is None else f"no interval: {cell.reason}"),
        p_text(p) if p is not None else "",
        f"{mark} {verdict}".strip(),
        row.warning,
    )


def _picture(cell: Cell, column: Column, scale: Scale, style: Style, effect: float | None) -> Markup:
    drawing, middle = Drawing(_WIDTH, _HEIGHT), _HEIGHT / 2
    if effect:
        left, right = (scale.at(sign * effect * column.scale) for sign in (-1, 1))
        drawing.path([(left, 0), (right, 0), (right, _HEIGHT), (left, _HEIGHT)], "band", closed=True)
    drawing.line((scale.at(0), 0), (scale.at(0), _HEIGHT), "zero")
    if cell.value is None:
        return drawing.markup("no number")
    drawing.begin(f"series {style.css}")
    value = cell.value * column.scale
    if cell.low is not None and cell.high is not None and scale.holds(value):
        for bound, other in ((cell.low, cell.high), (cell.high, cell.low)):
            x, inside = scale.at(bound * column.scale), scale.holds(bound * column.scale)
            drawing.line((x, middle), (scale.at(other * column.scale), middle), "stroke solid")
            if inside:
                drawing.line((x, middle - 4), (x, middle + 4), "stroke solid")
            else:  # the interval continues beyond the axis
                tip = 5 if x < _WIDTH / 2 else -5
                drawing.path([(x + tip, middle - 4), (x, middle), (x + tip, middle + 4)], "stroke solid")
    x = scale.at(value)
    if scale.holds(value):
        drawing.marker((x, middle), style.shape, "dot")
    else:  # an arrow that points to where the number is
        tip = -9 if x < _WIDTH / 2 else 9
        drawing.path([(x, middle - 6), (x + tip, middle), (x, middle + 6)], "dot", closed=True)
    drawing.end()
    return drawing.markup(f"{number(cell.value, column)} {interval(cell, column)}".strip())


def _axis(scale: Scale, ticks: Sequence[float], column: Column) -> Markup:
    drawing = Drawing(_WIDTH, 24)
    drawing.line((scale.start, 0.5), (scale.end, 0.5), "axis")
    for tick in ticks:
        x = scale.at(tick)
        drawing.line((x, 0), (x, 5), "axis")
        drawing.text((x, 19), number(tick / column.scale, column) if tick else "0", "tick", "middle")
    return drawing.markup(
        f"axis from {number(ticks[0] / column.scale, column)} to {number(ticks[-1] / column.scale, column)}"
    )
