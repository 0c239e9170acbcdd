"""How far a metric may lie from an independent implementation, and how far it was seen to lie."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np

# Below this a difference is the order of additions, which differs between machines.
_SMALLEST = -12


@dataclass(frozen=True)
class Agreement:
    """A metric against one reference on one kind of input.

    `reference` is the name of a distribution, or the path of a twin in `tests/reference`. `bound` is what every run of
    the tests enforces, `seen` the largest difference so far; both are relative where `relative`.
    """

    metric: str
    reference: str
    function: str
    inputs: str
    bound: float
    seen: float = 0.0
    relative: bool = False

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes two measurements belong to one row of the page."""
        return self.metric, self.reference, self.function, self.inputs

    @property
    def version(self) -> str:
        """Return the installed version of the reference; a twin has none."""
        return "-" if is_twin(self.reference) else version(self.reference)


class Agreements:
    """All agreements of one test session."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str, str], Agreement] = {}

    def add(self, agreement: Agreement) -> Agreement:
        """Keep the agreement, with the largest difference seen for its key."""
        known = self._rows.get(agreement.key)
        if known is not None and (known.bound, known.relative) != (agreement.bound, agreement.relative):
            raise AssertionError(f"expected one bound for {agreement.key}, got {known.bound} and {agreement.bound}")
        seen = max(agreement.seen, known.seen if known else 0.0)
        self._rows[agreement.key] = replace(agreement, seen=seen)
        return self._rows[agreement.key]

    def rows(self) -> list[Agreement]:
        """Return one agreement a key, in no particular order."""
        return list(self._rows.values())


def difference(ours: Any, theirs: Any, *, relative: bool) -> float:
    """Return the largest absolute (or relative) difference of two numbers or arrays; equal where both are NaN."""
    a, b = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    if a.shape != b.shape:
        raise AssertionError(f"expected values of one shape, got {a.shape} and {b.shape}")
    if not np.array_equal(np.isnan(a), np.isnan(b)):
        raise AssertionError(f"expected NaN in the same places, got {a} and {b}")
    defined = ~np.isnan(a) & (a != b)
    if not defined.any():
        return 0.0
    gap = np.abs(a[defined] - b[defined])
    return float((gap / np.abs(b[defined]) if relative else gap).max())


def power_of_ten(value: float) -> str:
    """Return the smallest power of ten above the value, not less than 1e-12: pages do not churn between machines.

    >>> power_of_ten(3e-9), power_of_ten(0.0), power_of_ten(1e-3)
    ('< 1e-8', '< 1e-12', '< 1e-2')
    """
    exponent = _SMALLEST if value <= 0 else max(_SMALLEST, math.floor(math.log10(value)) + 1)
    return f"< 1e{exponent}"


def is_twin(reference: str) -> bool:
    """Tell whether a reference is one of ours: a slow, obvious implementation."""
    return reference.startswith("tests/")
