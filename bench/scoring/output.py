"""The base of all reports of `bench score`: a model that is JSON without NaN."""

from __future__ import annotations

import math
from typing import Optional

from pydantic import BaseModel, ConfigDict

# Low and high end of a 95 % interval; null if there is none.
Bounds = Optional[tuple[float, float]]
Number = Optional[float]

LEVEL = 0.95


class Output(BaseModel):
    """Base of the reports: no other keys, no NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def number(value: float) -> float | None:
    """Return a plain number, None for NaN."""
    return None if math.isnan(value) else float(value)


def bounds(low: float, high: float) -> tuple[float, float] | None:
    """Return the ends of an interval, or None if there is none."""
    return None if math.isnan(low) or math.isnan(high) else (float(low), float(high))
