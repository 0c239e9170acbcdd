"""A paper's table as plain CSV: unrounded measured numbers next to those of the paper, for other programs."""

from __future__ import annotations

import csv
import io

from bench.harmless import csv_cell
from reports.published.table import Measured, PaperTable


def render_csv(table: PaperTable) -> str:
    """Return one line for each line of the published table.

    The columns are the keys of the table; then for each metric `<metric>`, `<metric>_low`, `<metric>_high` and
    `<metric>_published`; and `remark`, with the reasons of missing and doubtful numbers by metric.
    """
    layout = table.layout
    keys = [key for key in layout.keys if any(key in line.keys for line in table.lines)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    parts = ("", "_low", "_high", "_published")
    writer.writerow([*keys, *(f"{metric}{part}" for metric in layout.metrics for part in parts), "remark"])
    for line in table.lines:
        numbers = [number for metric in layout.metrics for number in _numbers(line.places[metric])]
        said = [(metric, reason) for metric, place in line.places.items() for reason in (place.reason, place.doubt)]
        remark = "; ".join(f"{metric}: {reason}" for metric, reason in said if reason)
        writer.writerow(map(csv_cell, [*(line.keys.get(key, "") for key in keys), *numbers, remark]))
    return text.getvalue()


def _numbers(place: Measured) -> list[str]:
    cell = place.cell
    measured = (None, None, None) if cell is None else (cell.value, cell.low, cell.high)
    return [*("" if value is None else repr(value) for value in measured), place.published]
