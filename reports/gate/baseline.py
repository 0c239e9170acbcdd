"""Writes a baseline: the scores of all seeds together, with what they may be worse by, and digests of whole numbers."""

from __future__ import annotations

import csv
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bench.atomic import replacing
from bench.errors import ConfigError
from bench.harmless import csv_cell
from metrics.table import METRICS, Metric, find
from reports.gate.headline import headline, is_single, measurement
from reports.gate.rows import DIGEST, IDENTIFYING, Row, Table, agree, number

LEAST_SEEDS = 5
"""A standard error is computed from so many seeds or more."""
_SHARE = 0.01
_LEAST = 1e-6
COLUMNS = (*IDENTIFYING, "direction", "value", "se", "tolerance", DIGEST, "reason")


def default_tolerance(row: Row, known: Mapping[str, Metric] = METRICS) -> float:
    """Return what a number may be worse by if nothing else is given.

    It is the metric's smallest effect of interest; if none is declared, a hundredth of its range; and if it has no
    bounds, a hundredth of the number.

    >>> default_tolerance({"metric": "pq/image", "value": "0.4"}), default_tolerance({"metric": "fd@x", "value": "-20"})
    (0.01, 0.2)
    """
    entry = find(row["metric"], known)
    if entry is not None and entry.smallest_effect is not None:
        return entry.smallest_effect
    low, high = (None, None) if entry is None else entry.bounds
    if low is not None and high is not None:
        return _SHARE * (high - low)
    return max(_SHARE * abs(number(row.get("value", "")) or 0.0), _LEAST)


def tolerance_of(
    given: Mapping[str, float], known: Mapping[str, Metric], rows: Sequence[Row]
) -> Callable[[Row], float]:
    """Return the function that says what a row may be worse by.

    Args:
        given: by metric or family of metrics, such as `fd`; that of all others has an empty name.
        known: metrics by id.
        rows: the rows of the baseline; their own tolerance counts if none is given.

    Raises:
        ConfigError: no row is of a given metric.
    """
    names = {name for row in rows for name in _names(row)}
    for name in given:
        if name and name not in names:
            raise ConfigError(
                "A tolerance is given for a metric that the table does not have",
                got=repr(name),
                fix=f"use one of: {', '.join(sorted(names))}",
            )

    def tolerance(row: Row) -> float:
        for name in (*_names(row), ""):
            if name in given:
                return given[name]
        own = number(row.get("tolerance", ""))
        return default_tolerance(row, known) if own is None else own

    return tolerance


def make_baseline(
    current: Table, given: Mapping[str, float], known: Mapping[str, Metric], previous: Table | None = None
) -> list[dict[str, str]]:
    """Return the rows of a baseline.

    Args:
        current: the results.
        given: tolerances, see :func:`tolerance_of`.
        known: metrics by id.
        previous: the baseline that is replaced; tolerances that were changed by hand are kept.
    """
    scores = [row for row in current.rows if row["kind"] == "score"]
    errors = _standard_errors(scores)
    tolerance = tolerance_of(given, known, scores)
    by_hand = dict(_by_hand(previous, known)) if previous is not None else {}
    made = []
    for row in headline(scores):
        values = {name: row.get(name, "") for name in COLUMNS}
        entry = find(row["metric"], known)
        values["direction"] = row.get("direction") or (entry.direction if entry else "")
        values["reason"] = "" if row["value"] else row.get("reason", "")
        if row["value"]:
            kept = "" if set(given) & {*_names(row), ""} else by_hand.get(measurement(row), "")
            values["tolerance"] = kept or f"{tolerance({**row, 'tolerance': ''}):.6g}"
            error = None if is_single(row) else errors.get((row.get("fold", ""), measurement(row)))
            values["se"] = "" if error is None else f"{error:.6g}"
        made.append(values)
    digests = [row for row in current.rows if row["kind"] == DIGEST]
    return made + [{name: row.get(name, "") for name in COLUMNS} for row in digests]


def write_rows(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    """Write rows as CSV, under a temporary name that is then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: csv_cell(text) for name, text in row.items()} for row in rows)


def _standard_errors(scores: Sequence[Row]) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return the standard error of the difference between two runs of as many seeds, by fold and measurement.

    Where sets and trainings have seeds of their own, the smaller number of seeds counts.
    """
    singles: dict[tuple[str, tuple[str, ...]], list[Row]] = defaultdict(list)
    for row in scores:
        if is_single(row) and row["value"]:
            singles[row.get("fold", ""), measurement(row)].append(row)
    found = {}
    for key, rows in singles.items():
        counts = [len({row.get(name, "") for row in rows}) for name in ("seed", "generation")]
        n = min([count for count in counts if count > 1], default=1)
        if n >= LEAST_SEEDS:
            found[key] = statistics.stdev(float(row["value"]) for row in rows) * (2 / n) ** 0.5
    return found


def _by_hand(previous: Table, known: Mapping[str, Metric]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the tolerances of a baseline that are not the default ones, by measurement."""
    for row in previous.rows:
        written = row.get("tolerance", "")
        if written and not agree("tolerance", written, f"{default_tolerance(row, known):.6g}"):
            yield measurement(row), written


def _names(row: Row) -> list[str]:
    """Return the names by which a metric's tolerance may be given, the full one first."""
    metric = row["metric"]
    return list(dict.fromkeys([metric, metric.partition("@")[0]]))
