"""What the table of metrics knows of one metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["higher", "lower", "none"]
Bounds = tuple[float | None, float | None]
Group = Literal[
    "sets", "memorisation", "alignment", "faithfulness", "reconstruction", "selection", "instances", "types", "images"
]


@dataclass(frozen=True)
class Metric:
    """What is known of a metric.

    `id` is its column's name, and says how it is aggregated where the field disagrees; `group` which part of the
    table it stands in; `inputs` what it reads; `direction` which values are better; `bounds` its range (None:
    unbounded); `aggregation` how images become one number. `per_class`: one value per class. `shown_times`: what
    tables for people multiply it with. `main`: whether a page-wide table shows it, of the rare classes where it has one
    value per class. `protocol_version` grows whenever the same inputs give another number.
    """

    id: str
    title: str
    group: Group
    inputs: str
    direction: Direction
    bounds: Bounds
    unit: str
    aggregation: str
    reference: str
    per_class: bool = False
    shown_times: float = 1.0
    main: bool = False
    protocol_version: int = 1
