"""When a run and its arms were worked on, and what the machine did meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

from bench.results.document import RunDocument
from bench.tracking.record import Point

POINTS = 200
_Item = TypeVar("_Item")


class Span(NamedTuple):
    """Start and end in milliseconds since 1970."""

    start: int
    end: int


def span_of_run(document: RunDocument, work: float) -> Span:
    """Return the begin of a run's first session and the end of its last.

    A document that does not say them was written at the end; its begin is estimated by the seconds of its work.
    """
    if document.started and document.ended:
        return Span(milliseconds(document.started), milliseconds(document.ended))
    end = milliseconds(document.created)
    return Span(end - max(1000, round(1000 * work)), end)


def span_of(document: RunDocument, keys: Collection[str], otherwise: Span) -> Span:
    """Return the begin of the first and the end of the last of some steps, whenever they were done."""
    known = [timing for key, timing in document.timings.items() if key in keys and timing.started and timing.ended]
    if not known:
        return otherwise
    return Span(
        min(milliseconds(timing.started) for timing in known), max(milliseconds(timing.ended) for timing in known)
    )


def own_steps(document: RunDocument) -> set[str]:
    """Return the keys of the steps that were done in the sessions of the run itself."""
    return {key for key, timing in document.timings.items() if document.started <= timing.started}


def usage_of(usage: Mapping[str, Sequence[Mapping[str, float]]], keys: Collection[str]) -> tuple[Point, ...]:
    """Return the samples of some steps, under the names by which MLflow finds system metrics."""
    samples = sorted((one for key in keys for one in usage.get(key, ())), key=lambda one: one["time"])
    names = dict.fromkeys(name for sample in samples for name in sample if name != "time")
    return tuple(point for name in names for point in _series(name, samples))


def _series(name: str, samples: Sequence[Mapping[str, float]]) -> Iterator[Point]:
    own = spread([sample for sample in samples if name in sample], POINTS)
    for step, sample in enumerate(own):
        yield Point(f"system/{name}", step, sample[name], round(1000 * sample["time"]))


def spread(items: Sequence[_Item], n: int) -> list[_Item]:
    """Return at most `n` items, evenly spread, with the first and the last."""
    if len(items) <= n:
        return list(items)
    return [items[round(index * (len(items) - 1) / (n - 1))] for index in range(n)]


def milliseconds(text: str) -> int:
    """Return an ISO time as milliseconds since 1970."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def in_words(seconds: float) -> str:
    """Return a duration in words.

    >>> in_words(250), in_words(7300), in_words(3.2)
    ('4 min 10 s', '2 h 2 min', '3.2 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, left = divmod(minutes, 60)
    return f"{hours} h {left} min" if hours else f"{minutes} min {rest} s"
