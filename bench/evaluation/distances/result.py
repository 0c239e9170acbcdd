"""Columns of the scores of one comparison: value, interval or reason, floor, and the place in relation to it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.evaluation.columns import over_seeds
from bench.evaluation.distances.numbers import MANIFOLD, N_DIFFERENT, Floor, standing
from bench.evaluation.distances.steps import RESULT
from bench.evaluation.row_maker import interval_columns

if TYPE_CHECKING:
    from metrics.sources import LeftOut

COLOUR, EXTRAPOLATED = "colour_fd", "fd_inf"
OF_FEATURES = ("fd", EXTRAPOLATED, "kd", *MANIFOLD)
OF_MEMORY = ("auth_pct", "copy_rate")
TOO_FEW = "undefined for so few different images"
ALPHA = 0.05
ONLY_SEEDS = "the interval covers seeds of generation, not the choice of real slides"
_READ = "read it against the floor, and over seeds"
_NO_BOOTSTRAP = f"no interval: resampling biases a Frechet distance; {_READ}"
_NO_NEIGHBOURS = f"no interval: resampling repeats images, which makes neighbours of copies; {_READ}"
NO_INTERVAL = {
    **dict.fromkeys(("fd", COLOUR), _NO_BOOTSTRAP),
    EXTRAPOLATED: "no interval: resampling biases a Frechet distance; read it over seeds",
    **dict.fromkeys((*MANIFOLD, *OF_MEMORY), _NO_NEIGHBOURS),
}


class Scored(NamedTuple):
    """One score: its columns, what the reader of the number must know, and its values without each group."""

    columns: dict[str, Any]
    notes: tuple[str, ...] = ()
    left_out: LeftOut | None = None


class Result:
    """What one comparison has written."""

    def __init__(self, folder: Path) -> None:
        """Read the scores in the folder of a step."""
        found = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        self._scores: dict[str, float | None] = found["scores"]
        self._floor: dict[str, float | None] = found["floor"] or {}
        self._kernel: dict[str, Any] | None = found["kernel"]

    def scored(self, kind: str) -> Scored:
        """Return the score of one kind."""
        left_out = self._left_out() if kind == "kd" else None
        value = self._scores.get(kind) if left_out is None else left_out.value
        notes = self._notes(kind)
        columns = {
            "value": value,
            "n": self._n(kind),
            "floor": self._floor.get(kind),
            **{f"floor_{end}": self._floor.get(f"{kind}_{end}") for end in ("low", "high", "within")},
            "standing": self._standing(kind),
            **self._interval(kind, value, left_out),
        }
        if value is not None:
            columns["reason"] = "; ".join(filter(None, [columns.get("reason", ""), *notes]))
        return Scored(columns, notes, left_out)

    def _left_out(self) -> LeftOut | None:
        from metrics.sources import LeftOut

        kernel = self._kernel
        return None if kernel is None else LeftOut(kernel["value"], tuple(kernel["sides"]), tuple(kernel["twice"]))

    def _n(self, kind: str) -> int:
        """Return the number of different images of the set that the score compares."""
        if kind in OF_MEMORY:
            return int(self._scores[N_DIFFERENT] or 0)
        if kind in ("kd", EXTRAPOLATED) and self._kernel is not None:
            return int(self._kernel["n"])
        return int(self._scores["n"] or 0)

    def _interval(self, kind: str, value: float | None, left_out: LeftOut | None) -> dict[str, Any]:
        from metrics.sources import interval_over_sources

        if value is None:
            return {"reason": self._too_few() if kind == EXTRAPOLATED else TOO_FEW}
        if left_out is None:
            return {"reason": NO_INTERVAL[kind]}
        found = interval_over_sources([left_out])
        return {**interval_columns(found), "value": value, "n_groups": found.n_groups}

    def _too_few(self) -> str:
        from metrics.frechet_infinity import FEWEST

        return f"undefined for fewer than {FEWEST} images per dimension, of which the encoder has {self._d}"

    @property
    def _d(self) -> int:
        return int(self._scores["d"] or 0)

    @property
    def _loses(self) -> bool:
        """Whether images of a slide vary less in the set than in real slides."""
        high = self._scores.get("spread_high")
        return high is not None and high < 1

    def _deficient(self, kind: str) -> bool:
        return kind in ("fd", COLOUR) and self._n(kind) <= self._d

    def _standing(self, kind: str) -> str:
        # the place of a kernel distance is that of the matched samples
        if self._deficient(kind):
            return ""
        floor = Floor(*(self._floor.get(name) for name in (kind, f"{kind}_low", f"{kind}_high")))
        p = self._scores.get("own_slides_p")
        return standing(self._scores.get(kind), floor, loses=self._loses, own=p is not None and p <= ALPHA)

    def _notes(self, kind: str) -> tuple[str, ...]:
        notes = []
        if self._deficient(kind):
            rewards = "the Frechet distance is rank deficient and rewards low diversity; read kd"
            notes.append(f"n = {self._n(kind)} <= d = {self._d}: {rewards}")
        if self._loses and kind in ("fd", "kd", COLOUR):
            ratio, low, high = (self._scores[name] for name in ("spread", "spread_low", "spread_high"))
            notes.append(f"images of a slide vary {ratio:.2f} [{low:.2f}, {high:.2f}] times as much as real ones")
        return tuple(notes)


def distance_over_seeds(found: Sequence[Scored]) -> dict[str, Any]:
    """Return the columns of the mean of a score over seeds, which stands where it does under most of them."""
    sources = [each.left_out for each in found if each.left_out is not None]
    notes = dict.fromkeys(note for each in found for note in each.notes)
    rows = [each.columns for each in found]
    places = Counter(str(row["standing"]) for row in rows).most_common()
    place = "on" if len(places) > 1 and places[0][1] == places[1][1] and "" not in dict(places) else places[0][0]
    floors = {f"floor_{end}": _mean([row[f"floor_{end}"] for row in rows]) for end in ("low", "high", "within")}
    together = over_seeds(rows, "; ".join([*([] if sources else [ONLY_SEEDS]), *notes]), sources)
    return {**together, **floors, "n": min(row["n"] for row in rows), "standing": place}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
