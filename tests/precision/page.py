"""docs/precision.md: written from a session's agreements, and read back by every later one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from metrics import table
from tests.precision.agreement import Agreement, is_twin, power_of_ten
from tests.precision.reasons import REASONS

PAGE = Path(__file__).parents[2] / "docs" / "precision.md"

_INTRODUCTION = """# Agreement with other implementations

Written by `make precision` from the tests that compare each metric with an independent implementation; do not edit.
*Seen* is the largest difference of that run, rounded up to a power of ten; *at most* is what every run of `make test`
enforces, and a test fails whose bound is not the one printed here. Differences are absolute unless marked *rel*.
A path in place of a package is a slow, obvious twin of our own, written for lack of a package or beside one.
"""
_HEAD = "| metric | reference | version | function | inputs | seen | at most |\n|---|---|---|---|---|---|---|\n"
_OTHER = "## Without a reference\n\n| metric | why |\n|---|---|\n"

Row = tuple[str, str, str, str, str]


def known_metrics() -> tuple[str, ...]:
    """Return every id of the table of metrics, `fd@ENCODER` and the like as `fd`, in its order."""
    return (*table.METRICS, *table.FAMILIES)


def missing(agreements: Iterable[Agreement]) -> list[str]:
    """Return the metrics that have neither a reference nor a reason for having none."""
    covered = {agreement.metric for agreement in agreements} | set(REASONS)
    return [name for name in known_metrics() if name not in covered]


def render(agreements: Sequence[Agreement]) -> str:
    """Return the page, in the order of the table of metrics."""
    order = {name: rank for rank, name in enumerate(known_metrics())}
    ranked = sorted(agreements, key=lambda a: (order.get(a.metric, len(order)), a.metric, is_twin(a.reference), a.key))
    lines = [
        f"| {a.metric} | {a.reference} | {a.version} | {a.function} | {a.inputs} | {power_of_ten(a.seen)}{_unit(a)} "
        f"| {_bound(a)} |\n"
        for a in ranked
    ]
    reasons = [
        f"| {name} | {REASONS[name]} |\n" for name in sorted(REASONS, key=lambda n: (order.get(n, len(order)), n))
    ]
    return f"{_INTRODUCTION}\n{_HEAD}{''.join(lines)}\n{_OTHER}{''.join(reasons)}"


def row_of(agreement: Agreement) -> Row:
    """Return what identifies an agreement on the page: metric, reference, function, inputs, bound."""
    return (*agreement.key, _bound(agreement))


def rows_of(page: str) -> set[Row]:
    """Return the agreements that a page prints, versions and differences seen left aside."""
    rows = set()
    for line in page.split("## Without")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and len(cells) == 7 and cells[0] != "metric":
            rows.add((cells[0], cells[1], cells[3], cells[4], cells[6]))
    return rows


def reasons_of(page: str) -> dict[str, str]:
    """Return the metrics that a page prints without a reference, and why."""
    lines = page.split(_OTHER)[-1].splitlines()
    pairs = [line.strip("|").split(" | ") for line in lines if line.startswith("| ")]
    return {name.strip(): why.strip() for name, why in pairs}


def _bound(agreement: Agreement) -> str:
    return f"{agreement.bound:g}{_unit(agreement)}"


def _unit(agreement: Agreement) -> str:
    return " rel" if agreement.relative else ""
