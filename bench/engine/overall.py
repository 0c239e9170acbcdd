"""The progress of a whole run: "step 12 of 39, about 4 min left"."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

# The share of the estimated time that the first measurements are weighed against.
_PRIOR = 0.05


class Overall:
    """Counts the steps of a run and says how long the rest takes.

    The time left is the estimate of the steps that are not done, multiplied by how much longer than estimated those
    that were done took; the wall clock counts, so steps done in parallel make it shorter. Steps that are being done
    count as soon as they take longer than estimated, so one long step does not hide the time of those that wait.
    """

    def __init__(
        self,
        steps: int,
        cached: int,
        seconds: float,
        cost: Callable[[Any], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin a run.

        Args:
            steps: planned steps, with those that are finished.
            cached: steps that are finished already.
            seconds: the estimate of all others together.
            cost: returns the estimate of a step in seconds.
            clock: returns the time in seconds.
        """
        self._steps, self._begun, self._cost = steps, cached, cost
        self._estimate, self._done, self._running = seconds, 0.0, 0.0
        self._clock = clock
        self._start = self._measured = self._clock()

    def begin(self, step: object) -> None:
        """Count one more step, which begins."""
        self._running += self._cost(step)
        self._begun += 1
        self._steps = max(self._steps, self._begun)

    def end(self, step: object) -> None:
        """Take the time of a step that is done into account."""
        cost = self._cost(step)
        self._done, self._running = self._done + cost, max(self._running - cost, 0.0)
        self._measured = self._clock()

    @property
    def steps(self) -> int:
        """The number of steps of the run, with those that are finished."""
        return self._steps

    def estimate(self, step: object) -> float:
        """Return the estimate of a step in seconds."""
        return self._cost(step)

    @property
    def seconds_left(self) -> float:
        """The time left in seconds."""
        now, prior = self._clock(), _PRIOR * self._estimate
        speed = (self._measured - self._start + prior) / (self._done + prior) if self._done + prior else 1.0
        waited, waiting = now - self._measured, max(self._estimate - self._done - self._running, 0.0)
        if waited <= self._running * speed:
            return (waiting + self._running) * speed - waited
        begun = self._done + self._running + prior
        return waiting * (now - self._start + prior) / begun if begun else 0.0

    def __str__(self) -> str:
        return f"step {self._begun} of {self._steps}, {_words(self.seconds_left)} left"


def _words(seconds: float) -> str:
    """Return a rough time in words.

    >>> [_words(seconds) for seconds in (20, 250, 8000, 200000)]
    ['less than a minute', 'about 4 min', 'about 2.2 h', 'about 2.3 days']
    """
    if seconds < 55:
        return "less than a minute"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} min"
    return f"about {seconds / 3600:.1f} h" if seconds < 129600 else f"about {seconds / 86400:.1f} days"
