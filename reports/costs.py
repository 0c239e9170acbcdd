"""Columns of cost: hours and memory that an arm's images take, from the rows of single steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from reports.board import Cell, Row
from reports.columns import Column, reading_order

_HOUR = 3600.0
_MIB_PER_GIB = 1024.0
_DRAWING = "synthesize/seconds"
_MAKING = ("fit/", "synthesize/")


def with_costs(rows: Sequence[Row], columns: Sequence[Column]) -> tuple[list[Row], list[Column]]:
    """Return rows and columns of a board with columns of what the images of each arm cost.

    They are the hours to train the generator (all of its parts) and to draw 1000 images, and the largest memory of
    any of these steps: on a GPU, or on the CPU for steps that used none. The two never share a column.
    """
    costly = [replace(row, cells={**row.cells, **dict(_costs(row))}) for row in rows]
    added = {column for row in costly for column in row.cells if column.summary}
    return costly, reading_order({*columns, *added})


def _costs(row: Row) -> Iterator[tuple[Column, Cell]]:
    found = {column.metric: cell for column, cell in row.cells.items() if column.kind == "cost"}
    measured = {metric: cell for metric, cell in found.items() if metric.startswith(_MAKING) and cell.value is not None}
    gpu = [cell.value for metric, cell in measured.items() if metric.endswith("/peak_gpu_mib") and cell.value]
    hours, memory = ("GPU-hours", "GPU_memory") if gpu else ("hours_on_CPU", "memory_on_CPU")
    fitting = _seconds(measured, "fit/")
    if fitting:
        yield _column(f"{hours}/to_train"), Cell(sum(fitting) / _HOUR)
    drawing = measured.get(_DRAWING)
    if drawing is not None and drawing.value is not None and drawing.n:
        yield _column(f"{hours}/per_1000_images"), Cell(drawing.value / _HOUR * 1000 / drawing.n)
    peaks = gpu or [cell.value for metric, cell in measured.items() if metric.endswith("/peak_rss_mib") and cell.value]
    if peaks:
        yield _column(f"{memory}/peak,_GiB"), Cell(max(peaks) / _MIB_PER_GIB)


def _seconds(measured: Mapping[str, Cell], stage: str) -> list[float]:
    wanted = (cell.value for name, cell in measured.items() if name.startswith(stage) and name.endswith("/seconds"))
    return [value for value in wanted if value is not None]


def _column(metric: str) -> Column:
    return Column(metric, "cost", direction="lower", summary=True)
