"""The floor of distances: what real images score, with its spread, and the place of arms in relation to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from reports.board import Cell, Leaderboard
from reports.columns import Column
from reports.numbers import interval, number


class FloorRow(NamedTuple):
    """One row above the arms: its name, and the number and range of each column that has one."""

    name: str
    cells: Mapping[Column, tuple[str, str]]


def floor_rows(board: Leaderboard, columns: Sequence[Column]) -> list[FloorRow]:
    """Return the floors of distances, and below them those within slides, for each number of images compared."""
    sizes = floor_sizes(board, columns)
    rows = []
    for n, cells in sizes.items():
        about = f", n={n}" if n is not None and len(sizes) > 1 else ""
        real = {column: Cell(cell.floor, cell.floor_low, cell.floor_high) for column, cell in cells.items()}
        within = {column: Cell(cell.floor_within) for column, cell in cells.items() if cell.floor_within is not None}
        rows.append(FloorRow(f"real vs real{about}", _written(real)))
        if within:
            kinds = {row_cell.group_kind for row_cell in cells.values()} - {""}
            kind = kinds.pop() if len(kinds) == 1 else "slide"
            rows.append(FloorRow(f"real, same {kind}{about}", _written(within)))
    return rows


def floor_sizes(board: Leaderboard, columns: Sequence[Column]) -> dict[int | None, dict[Column, Cell]]:
    """Return, for each number of images compared, a cell of each column that holds the floor at that number."""
    found: dict[int | None, dict[Column, Cell]] = {}
    for row in board.rows:
        for column in columns:
            cell = row.cells.get(column)
            if column.is_distance and cell is not None and cell.floor is not None:
                found.setdefault(cell.n, {}).setdefault(column, cell)
    return found


def mixed_columns(board: Leaderboard, columns: Sequence[Column]) -> set[Column]:
    """Return the columns whose rows are of different numbers of images, which each cell then says."""
    return {column for column in columns if len(_numbers_of_images(board, column)) > 1}


def details(cell: Cell, column: Column, mixed: Collection[Column]) -> list[str]:
    """Return what follows a number: its interval, then its place by the floor, and its n if rows differ in it."""
    n = f"n={cell.n}" if column in mixed and cell.n is not None else ""
    return [part for part in (interval(cell, column), " ".join(filter(None, (cell.standing, n)))) if part]


def standing_line(board: Leaderboard, columns: Sequence[Column]) -> list[str]:
    """Return the legend of the words for the place of a distance."""
    cells = [row.cells[column] for row in board.rows for column in columns if column in row.cells]
    if not any(cell.standing for cell in cells):
        return []
    return ["below, on, above: the place of a distance in relation to the range of distances between real images"]


def _numbers_of_images(board: Leaderboard, column: Column) -> set[int]:
    cells = [row.cells[column] for row in board.rows if column in row.cells]
    return {cell.n for cell in cells if cell.n is not None and cell.value is not None}


def _written(cells: Mapping[Column, Cell]) -> dict[Column, tuple[str, str]]:
    return {
        column: (number(cell.value, column), interval(cell, column))
        for column, cell in cells.items()
        if cell.value is not None
    }
