"""One entry of the table of metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["higher", "lower", "none"]
Bounds = tuple[float | None, float | None]
Group = Literal[
    "sets",
    "memorisation",
    "alignment",
    "faithfulness",
    "reconstruction",
    "selection",
    "instances",
    "types",
    "images",
    "readers",
]


@dataclass(frozen=True)
class Metric:
    """The description of a metric.

    `id` is the name of its column, and says how it is aggregated if the literature disagrees; `group` is its part of
    the table; `inputs` says what it reads; `direction` which values are better; `bounds` is its range (None:
    unbounded); `aggregation` says how images become one number. `per_class`: there is one value per class.
    `shown_times`: the factor in tables for readers. `main`: a page-wide table shows it, for the rare classes if it
    has one value per class. `smallest_effect` is the smallest difference between arms that is of interest, a
    declaration and not a result: a difference whose interval is within it is equivalent (None: none is declared).
    `protocol_version` grows whenever the same inputs give another number.
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
    smallest_effect: float | None = None
    protocol_version: int = 1
