"""The fixture `agree`, by which a test compares a metric with a reference, and the option that writes the page."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import pytest

from tests.precision.agreement import Agreement, Agreements, difference

_LOG = pytest.StashKey[Agreements]()

Agree = Callable[..., None]


def reference(module: str) -> ModuleType:
    """Import a module of a reference, or skip the test: those of the extra `parity` need not be installed."""
    package = module.partition(".")[0]
    reason = f"{package} is not installed; `make precision` installs the extra `parity`"
    return pytest.importorskip(module, reason=reason, exc_type=ImportError)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--write-precision`."""
    parser.addoption("--write-precision", action="store_true", help="write docs/precision.md from this run")


def pytest_configure(config: pytest.Config) -> None:
    """Start with no agreements."""
    config.stash[_LOG] = Agreements()


@pytest.fixture(scope="session")
def agree(pytestconfig: pytest.Config) -> Agree:
    """Return a function that asserts and records how far a metric lies from a reference.

    `agree(metric, ours, theirs, reference=..., function=..., inputs=..., bound=..., relative=False)` fails when a
    difference exceeds the bound, and when docs/precision.md does not print this comparison with this bound.
    """
    log, writing = pytestconfig.stash[_LOG], pytestconfig.getoption("--write-precision")

    def compare(metric: str, ours: Any, theirs: Any, **about: Any) -> None:
        relative = about.get("relative", False)
        gap = difference(ours, theirs, relative=relative)
        agreement = log.add(Agreement(metric, **about, seen=gap))
        assert gap <= agreement.bound, f"{metric}: {ours} is {gap:.3g} from {theirs} of {agreement.reference}"
        if not writing:
            from tests.precision.page import row_of

            assert row_of(agreement) in _printed(), f"{row_of(agreement)} is not in docs/precision.md: make precision"

    return compare


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note the tests that were skipped: a page without them would be incomplete."""
    if report.skipped and isinstance(report.longrepr, tuple) and "make precision" in report.longrepr[2]:
        _skipped_of_session.append(f"{report.nodeid}: {report.longrepr[2]}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write the page, if that was asked for and all comparisons of the suite were made."""
    config = session.config
    if not config.getoption("--write-precision") or exitstatus != 0:
        return
    from tests.precision.page import PAGE, missing, render

    rows = config.stash[_LOG].rows()
    gaps = [*_skipped_of_session, *(f"{name}: neither a reference nor a reason" for name in missing(rows))]
    if gaps:
        session.exitstatus = 1
        config.get_terminal_writer().line("docs/precision.md was not written:\n  " + "\n  ".join(gaps), red=True)
        return
    PAGE.write_text(render(rows), encoding="utf-8")


_skipped_of_session: list[str] = []


@cache
def _printed() -> frozenset[tuple[str, ...]]:
    from tests.precision.page import PAGE, rows_of

    return frozenset(rows_of(PAGE.read_text(encoding="utf-8")))
