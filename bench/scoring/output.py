"""What every report of `bench score` has in common: a model that is JSON without NaN, and without surprises."""

from __future__ import annotations

import math
from typing import Optional

from pydantic import BaseModel, ConfigDict

# Low and high end of a 95 % interval; null where there is none.
Bounds = Optional[tuple[float, float]]
Number = Optional[float]

LEVEL = 0.95


class Output(BaseModel):
    """Base of the reports: no other keys, no NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def number(value: float) -> float | None:
    """Return a plain number, None for NaN."""
    return None if math.isnan(value) else float(value)


def bounds(low: float, high: float, largest: float = 1.0) -> tuple[float, float] | None:
    """Return the ends of an interval, cut to the metric's range 0..`largest`; None where there is none."""
    return None if math.isnan(low) or math.isnan(high) else (max(float(low), 0.0), min(float(high), largest))
