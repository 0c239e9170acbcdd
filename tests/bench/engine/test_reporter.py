"""What a run's user sees: bars that fit the terminal, the progress of the whole run, resumed steps, and the log."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Task

from bench.engine.bars import Bars, step_line
from bench.engine.log import RunLog, new_log, write_head
from bench.engine.overall import Overall
from bench.engine.reporter import Reporter
from bench.engine.step import Place
from tests.bench.engine.toy_steps import Toy

TOY = Toy(place=Place())
TERMS = [
    f"{name} 1.234"
    for name in ("loss", "hv_mse", "hv_msge", "np_ce", "np_dice", "tp_ce", "tp_dice", "reconstruction", "perceptual")
]


def task(bars: Bars, **fields: object) -> Task:
    number = bars.add_task("hovernet", total=150, completed=12, **{"values": TERMS, "rate": "3.2 step/s", **fields})
    return next(one for one in bars.tasks if one.id == number)


def console(width: int, **settings: object) -> Console:
    return Console(file=io.StringIO(), width=width, highlight=False, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [200, 120, 80, 60, 40, 24])
def test_count_and_time_left_stay_in_every_width(width: int) -> None:
    line = step_line(task(Bars(console(width), str)), width).plain
    assert len(line) <= width
    assert "12/150" in line
    assert line.endswith("-:--:--")


def test_terms_of_a_loss_are_left_out_first_and_the_bar_later() -> None:
    bars = Bars(console(80), str)
    shown = {width: step_line(task(bars), width).plain for width in (200, 80, 60, 40)}
    assert all(term in shown[200] for term in TERMS)
    assert "loss 1.234" in shown[80]
    assert "hv_msge" not in shown[80]
    assert "━━━" in shown[80]
    assert "3.2 step/s" in shown[80]
    assert "loss 1.234" in shown[60]
    assert "hovernet" in shown[60]
    assert "step/s" not in shown[40]


def test_the_run_is_above_the_bar_of_the_step() -> None:
    screen = console(80, force_terminal=True, color_system=None)
    bars = Bars(screen, lambda: "step 12 of 39, about 4 min left")
    task(bars)
    first, second = bars.get_renderables()
    screen.print(first)
    screen.print(second)
    lines = screen.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines[0] == "step 12 of 39, about 4 min left"
    assert lines[1].startswith("  hovernet ━")


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_time_left_follows_the_measured_speed() -> None:
    clock, step = Clock(), TOY
    overall = Overall(39, 11, 280.0, lambda _: 10.0, clock)
    overall.begin(TOY)
    assert str(overall) == "step 12 of 39, about 5 min left"
    clock.now = 10.0
    overall.end(step)
    assert overall.seconds_left == pytest.approx(270)
    overall.begin(TOY)
    clock.now = 60.0  # the second step took five times as long
    overall.end(step)
    assert overall.seconds_left > 2 * 260
    clock.now = 90.0
    assert str(overall).startswith("step 13 of 39, about ")


def test_a_step_that_takes_longer_than_estimated_does_not_hide_the_time_of_those_that_wait() -> None:
    clock = Clock()
    overall = Overall(10, 0, 100.0, lambda _: 10.0, clock)
    overall.begin(TOY)
    clock.now = 8.0
    assert overall.seconds_left == pytest.approx(92)
    lefts = []
    for clock.now in (10.0, 11.0, 100.0, 1000.0):
        lefts.append(overall.seconds_left)
    assert lefts[0] == pytest.approx(90)  # nine steps wait
    assert lefts == sorted(lefts)  # and each of them is expected to be as slow as this one
    assert lefts[-1] > 1000
    overall.end(TOY)
    assert overall.seconds_left > 1000


def test_a_run_whose_last_step_is_late_has_no_time_left() -> None:
    clock = Clock()
    overall = Overall(1, 0, 10.0, lambda _: 10.0, clock)
    overall.begin(TOY)
    clock.now = 50.0
    assert overall.seconds_left == 0.0


def test_more_steps_than_planned_are_counted() -> None:
    overall = Overall(1, 0, 10.0, lambda _: 10.0)
    for _ in range(2):
        overall.begin(TOY)
        overall.end(TOY)
    overall.begin(TOY)
    assert str(overall) == "step 3 of 3, less than a minute left"


def test_a_resumed_step_says_where_it_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with Reporter(live=False).progress("render histodiffusion", 324, done=224, unit="image") as progress:
        progress.advance(100)
    said = capsys.readouterr().err
    assert "render histodiffusion: going on at 224 of 324" in said
    assert "324/324" in said
    with Reporter(live=False).progress("render", 3, unit="image") as progress:
        progress.advance(3)
    assert "going on" not in capsys.readouterr().err


def test_a_terminal_shows_a_resumed_step_too() -> None:
    screen = console(80, force_terminal=True)
    reporter = Reporter(live=True, console=screen)
    reporter.overall = "step 3 of 9, about 4 min left"
    with reporter.step("fit: sdm"), reporter.progress("sdm", 100, done=50) as progress:
        progress.advance(50, loss=0.5)
    said = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "going on at 50 of 100" in said
    assert "step 3 of 9, about 4 min left" in said
    assert "done in" in said


def test_plain_lines_name_the_progress_of_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter(live=False)
    reporter.overall = "step 3 of 9, about 4 min left"
    with reporter.step("fit: sdm"):
        pass
    assert "fit: sdm (step 3 of 9, about 4 min left)" in capsys.readouterr().err


def test_quiet_prints_nothing_and_verbose_prints_details(capsys: pytest.CaptureFixture[str]) -> None:
    for settings, seen in (({"quiet": True}, ()), ({}, ("a message",)), ({"verbose": True}, ("a message", "a detail"))):
        reporter = Reporter(live=False, **settings)  # type: ignore[arg-type]
        reporter.say("a message")
        reporter.detail("a detail")
        assert capsys.readouterr().err.splitlines() == list(seen)


def failing(reporter: Reporter) -> None:
    """Say all kinds of things, then fail."""
    assert reporter.log is not None
    write_head(reporter.log, {"request": '{"tracking_uri": "https://me:secret@host/x"}'})
    reporter.say("a message")
    reporter.detail("a detail")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("an old function", DeprecationWarning, stacklevel=1)
    with reporter.step("fit: sdm"), reporter.progress("sdm", 2) as progress:
        progress.advance(2, loss=0.5, other=2.0)
    raise ValueError("no ink")


def test_the_log_has_everything_and_the_error_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, reporter = new_log(tmp_path, "diffmix", "phantom"), Reporter(quiet=True)
    with pytest.raises(ValueError, match="no ink") as caught, reporter.recording(log):
        failing(reporter)
    text = log.path.read_text(encoding="utf-8")
    for part in (
        "command: ",
        "python 3.",
        "numpy ",
        "a message",
        "a detail",
        "warning: an old function",
        "test_reporter.py",
        "fit: sdm",
        "loss 0.5",
        "other 2",
        "Traceback (most recent call last)",
        "ValueError: no ink",
    ):
        assert part in text
    assert "secret" not in text
    assert caught.value.__notes__ == [f"log:   {log.path}"]
    assert capsys.readouterr().err == ""
    assert reporter.log is None


def test_logs_of_the_same_second_are_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.engine.log.time.strftime", lambda form: "20260101-000000")
    first, second = (new_log(tmp_path, "diffmix (a/b)", "phantom").path for _ in range(2))
    assert first.name == "20260101-000000-diffmix-a-b-phantom.log"
    assert second.name == "20260101-000000-diffmix-a-b-phantom-2.log"


def test_an_interrupt_is_noted_without_a_traceback(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "x.log")
    with pytest.raises(KeyboardInterrupt), Reporter(quiet=True).recording(log):
        raise KeyboardInterrupt
    assert log.path.read_text(encoding="utf-8").rstrip().endswith("interrupted")
