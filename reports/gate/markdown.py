"""The comparison with a baseline as Markdown: for terminals, pull requests and summaries of jobs."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from reports.gate.compare import NOT_COMPARABLE, PASSED, Finding, Gate
from reports.gate.rows import number, title
from reports.gate.samples import SHOWN, Moved
from reports.markdown import escape, table_line

_MANY, _FEW = 40, 10
_VERDICTS = {PASSED: "passed", NOT_COMPARABLE: "the results cannot be compared"}


def render_markdown(gate: Gate, moved: Sequence[Moved]) -> str:
    """Return what became of the baseline, in tables, worst first."""
    lines = [f"# Regression gate: {_VERDICTS.get(gate.exit_code, 'failed')}", "", summary(gate), ""]
    lines += _section("Worse", gate.of("worse"), _NUMBERS, _numbers)
    lines += _section("Without a number now", gate.of("lost"), _REASONS, _reasons)
    lines += _section("Missing rows", gate.of("missing"), _REASONS, _reasons)
    lines += _section("Changed digests", gate.of("digest"), _REASONS, _reasons)
    lines += _by_reason(gate.of("not comparable"))
    lines += _section("Better", gate.of("better"), _NUMBERS, _numbers, _FEW)
    lines += _section("Moved, without a bad direction", gate.of("moved"), _NUMBERS, _numbers, _FEW)
    lines += _section("New rows", gate.of("new"), _VALUES, _new, _FEW)
    if moved:
        lines += [f"## The {SHOWN} samples that moved most", "", *_table(_SAMPLES, (_sample(one) for one in moved)), ""]
    return "\n".join([*lines, *(f"- {_text(remark)}" for remark in gate.remarks), ""])


def summary(gate: Gate) -> str:
    """Return the comparison in one sentence."""
    compared = [one for one in gate.findings if one.now is not None]
    counts = [
        (gate.of("worse"), "worse"),
        (gate.of("lost"), "without a number now"),
        (gate.of("missing"), "missing"),
        (gate.of("digest"), "with a changed digest"),
        (gate.of("not comparable"), "not comparable"),
        (gate.of("better"), "better"),
        (gate.of("moved"), "moved"),
        (gate.of("new"), "new"),
    ]
    said = ", ".join(f"{len(found)} {name}" for found, name in counts if found)
    return _text(f"{len(compared)} rows of {gate.current} compared with {gate.baseline}: {said or 'no change'}")


def digits(value: float | None) -> str:
    """Return a number with four significant digits."""
    return "" if value is None else f"{value:.4g}"


_NUMBERS = ("metric", "row", "baseline", "now", "change", "limit")
_REASONS = ("metric", "row", "reason")
_VALUES = ("metric", "row", "now")
_SAMPLES = ("sample", "metric", "row", "baseline", "now", "change")


def _section(
    heading: str,
    found: Sequence[Finding],
    columns: Sequence[str],
    cells: Callable[[Finding], list[str]],
    shown: int = _MANY,
) -> list[str]:
    if not found:
        return []
    lines = [f"## {heading}: {len(found)}", "", *_table(columns, map(cells, found[:shown])), ""]
    return [*lines, f"and {len(found) - shown} more", ""] if len(found) > shown else lines


def _by_reason(found: Sequence[Finding]) -> list[str]:
    """Return rows that cannot be compared, one line for each reason."""
    if not found:
        return []
    reasons: dict[str, list[Finding]] = defaultdict(list)
    for one in found:
        reasons[one.reason].append(one)
    cells = ([reason, str(len(same)), same[0].title] for reason, same in reasons.items())
    return [f"## Not comparable: {len(found)}", "", *_table(("reason", "rows", "first row"), cells), ""]


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield table_line(columns)
    yield table_line(
        ["---" if name in ("metric", "row", "reason", "sample", "first row") else "---:" for name in columns]
    )
    for cells in rows:
        yield table_line([_text(cell) for cell in cells])


def _numbers(one: Finding) -> list[str]:
    now = "" if one.now is None else one.now["value"]
    change = "" if one.change is None else f"{one.change:+.4g}"
    values = [digits(float(text)) if text else "none" for text in (one.row["value"], now)]
    return [one.row["metric"], _row(one), *values, change or one.reason, digits(one.limit)]


def _reasons(one: Finding) -> list[str]:
    return [one.row["metric"], _row(one), one.reason]


def _new(one: Finding) -> list[str]:
    return [one.row["metric"], _row(one), digits(number(one.row.get("value", "")))]


def _row(one: Finding) -> str:
    return ", ".join(filter(None, [one.row.get("dataset", ""), title(one.row)]))


def _sample(one: Moved) -> list[str]:
    where = ", ".join(filter(None, [one.row["dataset"], title(one.row)]))
    change = f"{one.after - one.before:+.4g}"
    return [one.sample, one.row["metric"], where, digits(one.before), digits(one.after), change]


def _text(text: str) -> str:
    """Return a text that stays on its line and in its cell, with no meaning in Markdown or HTML."""
    plain = re.sub(r"\s+", " ", text).replace("&", "&amp;").replace("<", "&lt;").replace("`", "'")
    return escape(plain)
