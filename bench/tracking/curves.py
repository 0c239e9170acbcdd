"""Training curves of an arm: of its generator, and of its networks under each seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.tracking.headline import Place
from bench.tracking.names import allowed
from bench.tracking.record import Point
from bench.tracking.times import spread

POINTS = 100

Records = Sequence[Mapping[str, Any]]


def of_generator(records: Records, method: str, variant: str) -> tuple[Point, ...]:
    """Return the curves of an arm's trained parts, such as `sdm/loss`."""
    return _thinned((_generator_name(one), one) for one in records if _is_generator(one, method, variant))


def of_network(records: Records, method: str, variant: str, network: str, place: Place) -> tuple[Point, ...]:
    """Return the curves of one network of an arm under one pair of seeds, such as `training/loss`."""
    arm = {"method": method, "variant": variant, "network": network, **place._asdict()}
    return _thinned((f"training/{_last(one)}", one) for one in records if all(one.get(k) == v for k, v in arm.items()))


def _is_generator(record: Mapping[str, Any], method: str, variant: str) -> bool:
    same = record.get("method") == method and record.get("variant") == variant
    return str(record["name"]).startswith("fit/") and same


def _generator_name(record: Mapping[str, Any]) -> str:
    return str(record["name"]).removeprefix("fit/")


def _last(record: Mapping[str, Any]) -> str:
    return str(record["name"]).rpartition("/")[2]


def _thinned(named: Iterator[tuple[str, Mapping[str, Any]]]) -> tuple[Point, ...]:
    """Return at most `POINTS` points of each curve, evenly spread; a repeated step counts once."""
    by_name: dict[str, dict[int, float]] = {}
    for name, record in named:
        by_name.setdefault(name, {})[int(record["step"])] = float(record["value"])
    return tuple(
        Point(allowed(name), step, points[step])
        for name, points in by_name.items()
        for step in spread(sorted(points), POINTS)
    )
