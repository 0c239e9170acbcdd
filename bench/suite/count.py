"""The count of a run's steps before it begins, by the same plan that a dry run shows."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.engine.overall import Overall
from bench.run.resolve import Resolved
from bench.suite.estimate import Estimates
from bench.suite.plan import plan


def count_steps(resolved: Resolved) -> Overall:
    """Return the progress of a run that begins now; nothing is written to the store.

    Raises:
        BenchError: the program of the run cannot be followed.
    """
    costs = Estimates(resolved.request.store, resolved.preset)
    with tempfile.TemporaryDirectory(prefix="bench-plan-") as folder:
        steps = plan(resolved, None, Path(folder)).steps
        left = sum(costs.of(one.step).seconds for one in steps if not one.cached)
    return Overall(len(steps), sum(one.cached for one in steps), left, lambda step: costs.of(step).seconds)
