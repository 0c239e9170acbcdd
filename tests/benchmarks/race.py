"""What was measured, and the table of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

OURS = "ours"


@dataclass(frozen=True)
class Measured:
    """The best value of one contender in one case.

    `at_most` is the target of ours in its unit; `ratio` how many times slower than ours this reference should be, and
    `beside` what ours took right before and after it: a machine that others share changes its speed within a run.
    """

    case: str
    who: str
    value: float
    unit: str
    at_most: float | None = None
    ratio: float | None = None
    beside: float | None = None


def table(measured: Sequence[Measured]) -> Iterator[str]:
    """Yield the lines of the table: one for ours, one a reference, case by case in order of measurement."""
    yield _line("case", "who", "measured", "ratio", "target", "met")
    order = {m.case: rank for rank, m in reversed(list(enumerate(measured)))}
    for case, group in groupby(sorted(measured, key=lambda m: order[m.case]), key=lambda m: m.case):
        contenders = list(group)
        for m in contenders:
            ratio = m.value / m.beside if m.beside else None
            target, met = "", ""
            if m.at_most is not None:
                target, met = f"<= {_amount(m.at_most, m.unit)}", "yes" if m.value <= m.at_most else "MISSED"
            if m.ratio is not None and ratio is not None:
                target, met = f">= {m.ratio:g} x", "yes" if ratio >= m.ratio else "MISSED"
            yield _line(case, m.who, _amount(m.value, m.unit), f"{ratio:.1f} x" if ratio else "", target, met)


def _amount(value: float, unit: str) -> str:
    return f"{1000 * value:.1f} ms" if unit == "s" and value < 0.1 else f"{value:.2f} {unit}"


def _line(*cells: str) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, (46, 34, 10, 9, 12, 6), strict=True)).rstrip()
