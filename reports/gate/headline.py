"""The rows of a table that stand for all seeds and folds together, as far as it has them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from bench.results.table import ALL_FOLDS, ALL_SEEDS
from reports.gate.rows import CONTEXT, PLACE, Row

_COUNTS = ("seeds", "generations")
_MEASUREMENT = [name for name in (*PLACE, *CONTEXT) if name not in ("fold", *_COUNTS)]


def measurement(row: Row) -> tuple[str, ...]:
    """Return what a row measures and how, apart from its seeds and fold."""
    return tuple(row.get(name, "") for name in _MEASUREMENT)


def headline(rows: Iterable[Row]) -> list[Row]:
    """Return, of the rows of one measurement, those over most folds and seeds; single ones if there are no others."""
    found: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[measurement(row)].append(row)
    return [row for same in found.values() for row in same if _width(row) == max(map(_width, same))]


def is_single(row: Row) -> bool:
    """Return whether a row is of one seed, in training and in generation."""
    return all(float(row.get(name) or 0) != ALL_SEEDS for name in ("seed", "generation"))


def _width(row: Row) -> tuple[float, ...]:
    together = [float(row.get(name) or 0) == ALL_SEEDS for name in ("seed", "generation")]
    return (row.get("fold", "") == ALL_FOLDS, sum(together), *(float(row.get(name) or 1) for name in _COUNTS))
