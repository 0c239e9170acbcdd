"""A suite at work: a failed run stops no other, finished ones are found, a dry run changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.engine.reporter import Reporter
from bench.results.table import ResultsStore
from bench.suite.check import Checked, check_runs
from bench.suite.execute import Done, run_all
from methods.controls import Copy
from tests.bench.suite.suites import runs_of

pytestmark = pytest.mark.slow

LINES = ({"method": "copy"}, {"label": "half", "method": "copy", "set": {"method.ratio": 0.5}}, {"method": "real-only"})


def render_nothing(*_: object) -> None:
    raise ValueError("no ink")


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Checked], list[Done], str]:
    """A suite whose two first runs cannot draw."""
    folder = tmp_path_factory.mktemp("suite")
    checked = check_runs(runs_of(folder, *LINES)).runs
    said: list[str] = []
    reporter = Reporter(quiet=True)
    reporter.say = lambda text, style=None: said.append(text)  # type: ignore[method-assign]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Copy, "render", render_nothing)
        done = run_all(checked, reporter)
    return folder, checked, done, "\n".join(said)


def test_a_failed_run_does_not_stop_the_others(broken) -> None:
    _, checked, done, said = broken
    assert [item.label for item in done] == [run.label for run in checked] == ["copy", "half", "real-only"]
    # the first run did everything that does not need the failed step: that is all of the third one
    assert [item.state for item in done] == ["failed", "failed", "found"]
    assert done[2].outcome is not None
    assert done[2].outcome.reused == done[2].outcome.steps
    assert done[0].error is not None
    assert "no ink" in done[0].error.got
    assert done[0].outcome is None
    assert "run 2 of 3: half" in said
    assert "ValueError: no ink" in said


def test_a_run_that_failed_goes_on_and_others_are_found(broken) -> None:
    folder, checked, first, _ = broken
    again = run_all(checked, Reporter(quiet=True))
    assert [item.state for item in again] == ["done", "done", "found"]
    assert first[2].outcome is not None
    assert again[2].outcome is not None
    assert again[2].outcome.run == first[2].outcome.run
    assert again[0].outcome is not None
    # both splits, and the three steps of the baseline
    assert again[0].outcome.reused == 5
    third = run_all(checked, Reporter(quiet=True))
    assert [item.state for item in third] == ["found"] * 3
    assert sum(item.seconds for item in third) < 3
    assert len(ResultsStore(folder / "store").runs()) == 3


def test_an_interrupt_ends_the_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.suite.execute.do_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_all(check_runs(runs_of(tmp_path, *LINES)).runs, Reporter(quiet=True))
