"""One table of all cases at the end of a run: ours, the reference, their ratio, and whether the target is met."""

from __future__ import annotations

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
    """Return a function that times a call: `clock(case, who, function, rounds=5, ...targets)` gives its result."""

    def measure(case: str, who: str, function: Callable[[], Any], *, rounds: int = 5, **targets: Any) -> Any:
        result = benchmark.pedantic(function, rounds=rounds, warmup_rounds=1 if rounds > 1 else 0)
        pytestconfig.stash[_MEASURED].append(Measured(case, who, benchmark.stats.stats.min, "s", **targets))
        return result

    return measure


@pytest.fixture
def note(pytestconfig: pytest.Config) -> Callable[..., None]:
    """Return a function that adds a number that is no time to the table."""

    def add(case: str, value: float, unit: str, **targets: Any) -> None:
        pytestconfig.stash[_MEASURED].append(Measured(case, OURS, value, unit, **targets))

    return add


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the table."""
    lines: Iterable[str] = table(config.stash[_MEASURED])
    terminalreporter.section("ours against the reference, best of all rounds; targets are for an idle machine")
    for line in lines:
        terminalreporter.write_line(line)
