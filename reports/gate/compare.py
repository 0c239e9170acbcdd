"""Compares results with a baseline, row by row."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from bench.errors import ConfigError, DataError
from reports.gate.headline import headline
from reports.gate.rows import CONTEXT, DIGEST, IDENTIFYING, PLACE, REPLICATE, Row, Table, agree, named, number

Outcome = Literal[
    "within",  # the number is within the limit, or there is none before and now
    "better",  # it moved by more than the limit in the good direction, or there is one now
    "moved",  # it moved by more than the limit, and the metric has no bad direction
    "worse",  # it moved by more than the limit in the bad direction
    "lost",  # there is no number any more, but a reason
    "missing",  # there is no row any more
    "digest",  # a digest of whole numbers changed
    "new",  # the baseline does not have the row
    "not comparable",
]
FAILURES: tuple[Outcome, ...] = ("worse", "lost", "missing", "digest")
PASSED, NOT_COMPARABLE, REGRESSION = 0, 2, 3
_TOLD_APART_BY = ("dataset", "method", "variant", *(name for name in IDENTIFYING if name not in ("dataset", "method")))
SES = 2.0
"""A number may be worse by so many standard errors."""


@dataclass(frozen=True)
class Finding:
    """What became of one row of the baseline, or of one that it does not have.

    `change` is the new number less the old one, `limit` what it may be worse by; `line` that of the row in the file.
    """

    outcome: Outcome
    row: Row
    now: Row | None = None
    change: float | None = None
    limit: float | None = None
    reason: str = ""
    line: int = 0

    @property
    def title(self) -> str:
        """What was measured."""
        return named(self.row)


@dataclass(frozen=True)
class Gate:
    """The comparison of a whole table: a finding for each row, and what else a reader must know."""

    baseline: str
    current: str
    findings: Sequence[Finding]
    remarks: Sequence[str] = field(default=())

    def of(self, *outcomes: Outcome) -> list[Finding]:
        """Return the findings of some outcomes, in the order of the baseline."""
        return [one for one in self.findings if one.outcome in outcomes]

    def remarked(self, remark: str) -> Gate:
        """Return the comparison with one more remark."""
        return replace(self, remarks=[*self.remarks, remark])

    @property
    def exit_code(self) -> int:
        """0 if nothing is worse, 2 if a row cannot be compared, 3 if something is worse or missing."""
        if self.of("not comparable"):
            return NOT_COMPARABLE
        return REGRESSION if self.of(*FAILURES) else PASSED


def compare(
    baseline: Table, current: Table, tolerance: Callable[[Row], float], direction: Callable[[str], str]
) -> Gate:
    """Compare a table with a baseline.

    Args:
        baseline: scores, and digests of whole numbers; rows of other kinds are ignored.
        current: the same of today; columns that one of the tables lacks are not compared.
        tolerance: what a row may be worse by if its standard error is not known, or is smaller.
        direction: which values of a metric are better, for tables that do not say it.

    Raises:
        ConfigError: a row of the baseline stands for several of today, or the direction of its metric is not known.
        DataError: two rows of the baseline are the same measurement.
    """
    common = baseline.columns & current.columns
    judged = [index for index, row in enumerate(baseline.rows) if row["kind"] in ("score", DIGEST)]
    _check_unique(baseline, judged)
    with_digests = any(row["kind"] == DIGEST for row in current.rows)
    index = _Index(current, common)
    findings, used = [], set()
    for place in judged:
        row, line = baseline.rows[place], baseline.line(place)
        if row["kind"] == DIGEST and not with_digests:
            continue
        now, outcome, reason = index.find(row)
        if now is not None:
            used.add(id(now))
            findings.append(_judge(row, now, tolerance(row), direction, line))
        else:
            findings.append(Finding(outcome, row, reason=reason, line=line))
    findings += [Finding("new", row) for row in _new(baseline, current, common, used)]
    return Gate(baseline.source, current.source, findings, list(_remarks(baseline, current, judged, with_digests)))


class _Index:
    """Finds the rows of today by what they measure."""

    def __init__(self, current: Table, common: frozenset[str]) -> None:
        self._place = [name for name in PLACE if name in common or name == "kind"]
        self._how = [name for name in (*CONTEXT, *REPLICATE) if name in common]
        self._rows: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        self._datasets = {row["dataset"] for row in current.rows} if "dataset" in common else None
        for row in current.rows:
            self._rows[self._key(row)].append(row)

    def find(self, row: Row) -> tuple[Row | None, Outcome, str]:
        """Return today's row of the same measurement, or None with the outcome and its reason."""
        candidates = self._rows[self._key(row)]
        same = [other for other in candidates if not self._differing(row, other)]
        if len(same) > 1:
            same = headline(same)
        if len(same) > 1:
            raise _ambiguous(row, same)
        if same:
            return same[0], "within", ""
        if self._datasets is not None and row["dataset"] not in self._datasets:
            there = ", ".join(sorted(self._datasets)) or "none"
            return None, "not comparable", f"dataset: the baseline is of {row['dataset']}, the results are of {there}"
        if not candidates:
            return None, "missing", "the results do not have this row"
        differing = min((self._differing(row, other), -place) for place, other in enumerate(candidates))
        nearest = candidates[-differing[1]]
        names = differing[0][1]
        if set(names) <= set(REPLICATE):
            return None, "missing", f"the results do not have {' and '.join(f'{n} {row[n]}' for n in names)}"
        shown = [n for n in names if n not in REPLICATE]
        said = [f"{n}: the baseline has {_shown(row[n])}, the results have {_shown(nearest[n])}" for n in shown]
        return None, "not comparable", "; ".join(said)

    def _key(self, row: Row) -> tuple[str, ...]:
        return tuple(_number_text(row.get(name, "")) if name == "ratio" else row.get(name, "") for name in self._place)

    def _differing(self, row: Row, other: Row) -> tuple[int, list[str]] | tuple[()]:
        """Return the columns in which two rows differ, after their number; empty if there are none."""
        names = [name for name in self._how if not agree(name, row.get(name, ""), other.get(name, ""))]
        return (len(names), names) if names else ()


def _judge(row: Row, now: Row, tolerance: float, direction: Callable[[str], str], line: int) -> Finding:
    if row["kind"] == DIGEST:
        if agree(DIGEST, row.get(DIGEST, ""), now.get(DIGEST, "")):
            return Finding("within", row, now, line=line)
        return Finding("digest", row, now, reason=f"was {row.get(DIGEST)}, is {now.get(DIGEST)}", line=line)
    before, after = number(row["value"]), number(now["value"])
    if before is None or after is None:
        if after is not None:
            return Finding("better", row, now, reason="there is a number now", line=line)
        lost = before is not None
        reason = (now.get("reason") or "no reason is given") if lost else ""
        return Finding("lost" if lost else "within", row, now, reason=reason, line=line)
    better = row.get("direction") or now.get("direction") or direction(row["metric"])
    if better not in ("higher", "lower", "none"):
        raise ConfigError(
            f"It is not known which values of {row['metric']} are better",
            got=repr(better) if better else "no direction",
            fix="add a column `direction` to the baseline: higher, lower or none",
        )
    limit = max(tolerance, SES * (number(row.get("se", "")) or 0.0))
    change = after - before
    if abs(change) <= limit or math.isclose(abs(change), limit, rel_tol=1e-9):
        return Finding("within", row, now, change, limit, line=line)
    outcome: Outcome = "moved" if better == "none" else "better" if (change > 0) == (better == "higher") else "worse"
    return Finding(outcome, row, now, change, limit, line=line)


def _new(baseline: Table, current: Table, common: frozenset[str], used: set[int]) -> Iterator[Row]:
    """Yield today's scores and digests that the baseline lacks, of datasets and presets that it has."""
    scope = [name for name in ("dataset", "preset") if name in common]
    known = {tuple(row[name] for name in scope) for row in baseline.rows}
    kinds = {row["kind"] for row in baseline.rows}
    compared = [name for name in (*PLACE, *CONTEXT) if name in common]
    places = {tuple(row.get(name, "") for name in compared) for row in current.rows if id(row) in used}
    rows = [row for row in current.rows if row["kind"] in {"score", DIGEST} & kinds]
    for row in headline(rows):
        own = tuple(row.get(name, "") for name in compared)
        if id(row) not in used and own not in places and tuple(row.get(name, "") for name in scope) in known:
            yield row


def _check_unique(baseline: Table, judged: Iterable[int]) -> None:
    seen: dict[tuple[str, ...], int] = {}
    names = [name for name in IDENTIFYING if name in baseline.columns or name == "kind"]
    for place in judged:
        row = baseline.rows[place]
        first = seen.setdefault(tuple(row.get(name, "") for name in names), place)
        if first != place:
            raise DataError(
                f"Two rows of {baseline.source} are the same measurement: {named(row)}",
                got=f"lines {baseline.line(first)} and {baseline.line(place)}",
                fix="remove one, or add the column in which they differ",
            )


def _remarks(baseline: Table, current: Table, judged: Sequence[int], with_digests: bool) -> Iterator[str]:
    ignored = len(baseline.rows) - len(judged)
    if ignored:
        yield f"{ignored} rows of the baseline are neither scores nor digests and were ignored"
    rows = [baseline.rows[place] for place in judged]
    scores = [row for row in rows if row["kind"] == "score" and row["value"]]
    without = sum(not row.get("se") for row in scores)
    if without:
        yield (
            f"{without} of {len(scores)} numbers of the baseline have no standard error, which needs 5 seeds: "
            "only their absolute tolerance counts"
        )
    unsaid = [name for name in ("dataset", "preset", "protocol", "harness", "encoder") if name not in baseline.columns]
    if unsaid:
        yield f"not compared, because the baseline does not have the columns: {', '.join(unsaid)}"
    absent = [name for name in CONTEXT if name in baseline.columns and name not in current.columns]
    if absent:
        yield f"not compared, because the results do not have the columns: {', '.join(absent)}"
    digests = sum(row["kind"] == DIGEST for row in rows)
    if digests and not with_digests:
        yield f"{digests} digests of splits and plans were not compared: the results do not have any"
    elif not digests:
        yield "the baseline has no digests of splits and plans"


def _ambiguous(row: Row, same: Sequence[Row]) -> ConfigError:
    """Return the error for a row of the baseline that stands for several rows of today."""
    columns = [name for name in _TOLD_APART_BY if len({other.get(name, "") for other in same}) > 1]
    return ConfigError(
        f"A row of the baseline stands for several rows of the results: {named(row)}",
        got=f"{len(same)} rows, which differ in {', '.join(columns) or 'no column that identifies a row'}",
        fix=f"add the column {columns[0] if columns else 'method'} to the baseline, or write it with --update",
    )


def _number_text(text: str) -> str:
    return f"{float(text):g}" if text else ""


def _shown(text: str) -> str:
    return (text if len(text) <= 60 else f"{text[:57]}...") or "none"


def scores_by(gate: Gate, columns: Sequence[str]) -> Mapping[tuple[str, ...], Finding]:
    """Return the findings about scores that were compared, by some columns."""
    compared = [one for one in gate.findings if one.limit is not None]
    return {tuple(one.now.get(name, "") for name in columns): one for one in compared if one.now is not None}
