"""One table of all cases at the end of a run: ours, the reference, their ratio, and whether the target is met."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.benchmarks.race import OURS, Measured, table

_MEASURED = pytest.StashKey[list[Measured]]()


def pytest_configure(config: pytest.Config) -> None:
    """Start with no measurements."""
    config.stash[_MEASURED] = []


@pytest.fixture
def clock(benchmark: Any, pytestconfig: pytest.Config) -> Callable[..., Any]:
    """Return a function that times a call, `clock(case, who, function, rounds=5, ...targets)`, and gives its result.

    A reference is given `ours`, which runs before and after it, so that their ratio is of one moment.
    """

    def measure(
        case: str,
        who: str,
        function: Callable[[], Any],
        *,
        rounds: int = 5,
        ours: Callable[[], Any] | None = None,
        **targets: Any,
    ) -> Any:
        beside = [seconds(ours) for _ in range(3)] if ours else []
        result = benchmark.pedantic(function, rounds=rounds, warmup_rounds=1 if rounds > 1 else 0)
        beside += [seconds(ours) for _ in range(2)] if ours else []
        best = min(beside, default=None)
        pytestconfig.stash[_MEASURED].append(
            Measured(case, who, benchmark.stats.stats.min, "s", beside=best, **targets)
        )
        return result

    return measure


def seconds(function: Callable[[], Any]) -> float:
    """Time one call."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


@pytest.fixture
def note(pytestconfig: pytest.Config) -> Callable[..., None]:
    """Return a function that adds a number that is no time to the table."""

    def add(case: str, value: float, unit: str, **targets: Any) -> None:
        pytestconfig.stash[_MEASURED].append(Measured(case, OURS, value, unit, **targets))

    return add


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the table."""
    measured = config.stash[_MEASURED]
    if not measured:
        return
    lines: Iterable[str] = table(measured)
    terminalreporter.section("ours against the reference, best of all rounds; targets are for an idle machine")
    for line in lines:
        terminalreporter.write_line(line)
