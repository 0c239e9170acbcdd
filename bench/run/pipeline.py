"""A run from request to results: its program is driven to the end, and what it finished is published."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import partial

from bench.config import RunRequest
from bench.engine.executors import check_executor
from bench.engine.log import libraries, new_log, write_head
from bench.engine.overall import Overall
from bench.engine.progress import Board
from bench.engine.reporter import Reporter
from bench.engine.session import Session, drive
from bench.engine.stop import Parked
from bench.engine.store import Store, check_writable
from bench.plan.checks import stop_if_missing
from bench.run.attempt import Attempt, begin
from bench.run.driver import Driver, device_of, executor_options, opened
from bench.run.failed import error_of_run
from bench.run.fetch import fetch_missing
from bench.run.missing import find_missing
from bench.run.outcome import Outcome
from bench.run.program import open_session, work
from bench.run.publish import publish
from bench.run.remarks import remarks
from bench.run.resolve import Resolved, resolve

PLUMBING = "tiny"
"""The preset that claims nothing."""
Count = Callable[[Resolved], Overall]


def run_request(
    request: RunRequest,
    reporter: Reporter | None = None,
    count: Count | None = None,
    show: Callable[[Outcome], None] | None = None,
) -> Outcome:
    """Do a run, reusing what is already in the store, and publish its results.

    Args:
        request: the run.
        reporter: shows its progress (None: on standard error).
        count: counts its steps, so that the progress of the whole run can be shown.
        show: shows the results once they are written, before they are sent to a tracking server.

    Raises:
        ConfigError: an unknown name, key or value.
        MissingError: something is missing that the run may not fetch; everything that is missing is listed.
    """
    reporter = reporter or Reporter()
    check_executor(request.executor, executor_options(request))
    resolved = resolve(request)
    if fetch_missing(lambda: find_missing(resolved), request, reporter):
        resolved = resolve(request)
        stop_if_missing(find_missing(resolved))
    check_writable(request.store)
    return run_resolved(resolved, reporter, count, show)


def run_resolved(
    resolved: Resolved,
    reporter: Reporter,
    count: Count | None = None,
    show: Callable[[Outcome], None] | None = None,
) -> Outcome:
    """Do a run that is already resolved and checked, and publish its results; everything is in a log of its own."""
    store, label = resolved.request.store, f"{resolved.subject.name}-{resolved.card.name}"
    with opened(resolved.request, Board(store, label), reporter) as driver:
        return do_run(resolved, reporter, driver, count, show=show)


def do_run(
    resolved: Resolved,
    reporter: Reporter,
    driver: Driver,
    count: Count | None = None,
    label: str = "",
    show: Callable[[Outcome], None] | None = None,
) -> Outcome:
    """Do a run in an event loop of its own, publish its results, show them, and send them to the tracking server.

    Raises:
        Stopped: the user asked to stop.
        BenchError: steps failed; everything that does not depend on them is done.
    """
    counted = None if count is None else partial(_counted, count, resolved, reporter)
    with _begun(resolved, reporter, driver, counted, label) as (session, attempt):
        outcome = publish(session, resolved, drive(work(session, resolved)), attempt)
        _remark(resolved, reporter)
        if show is not None:
            show(outcome)
        _track(resolved.request, outcome, reporter)
    return outcome


async def join_run(
    resolved: Resolved, reporter: Reporter, driver: Driver, thread: ThreadPoolExecutor, count: Count | None, label: str
) -> Outcome:
    """Do a run next to others in one event loop; what blocks the loop is done in a thread, one after the other.

    Raises:
        Stopped: the user asked to stop.
        BenchError: steps failed; everything that does not depend on them is done.
    """

    def counted() -> str:
        if count is not None:
            thread.submit(lambda: setattr(reporter, "overall", _count(count, resolved, reporter)))
        return ""

    def finish() -> Outcome:
        with nullcontext() if reporter.log is None else libraries(reporter.log, reporter.warn):
            outcome = publish(session, resolved, complete, attempt)
            _track(resolved.request, outcome, reporter)
            return outcome

    with _begun(resolved, reporter, driver, counted, label) as (session, attempt):
        complete = await work(session, resolved)
        outcome = await asyncio.wrap_future(thread.submit(finish))
        _remark(resolved, reporter)
    return outcome


@contextmanager
def _begun(
    resolved: Resolved, reporter: Reporter, driver: Driver, counted: Callable[[], Overall | str] | None, label: str
) -> Iterator[tuple[Session, Attempt]]:
    """Open the log and the session of a run; an error of the block is that of the run's failed steps, if it has any."""
    log = new_log(resolved.request.store, resolved.subject.name, resolved.card.name)
    progress = driver.board.run(label or driver.board.name)
    with reporter.recording(log), progress.going(lambda: reporter.overall):
        write_head(log, _about(resolved))
        reporter.detail(f"log: {log.path}")
        for remark in remarks(resolved):
            reporter.warn(remark)
        reporter.overall, reporter.count = "", counted
        attempt = begin(resolved.request)
        session = open_session(resolved, Store(resolved.request.store), reporter, driver.executor)
        session.asked, session.stop, session.progress = driver.asked, driver.stop, progress
        progress.states = driver.executor.states
        try:
            yield session, attempt
        except Parked:
            raise
        except Exception as error:
            known = error_of_run(session, error)
            if known is error:
                raise
            raise known from error


def _remark(resolved: Resolved, reporter: Reporter) -> None:
    if resolved.preset.name == PLUMBING:
        reporter.warn(f"preset {PLUMBING} only checks the plumbing: its numbers mean nothing")


def _track(request: RunRequest, outcome: Outcome, reporter: Reporter) -> None:
    """Send the results to the tracking server, which can fail without harm."""
    if request.tracking:
        from bench.tracking import track

        track(request.store, outcome.run, request.tracking_uri, reporter.warn, models=request.track_models)


def _about(resolved: Resolved) -> dict[str, str]:
    """Return what the head of a log says of a run."""
    request = resolved.request
    return {
        "store": str(request.store),
        "device": device_of(request).name,
        "preset": resolved.preset_label,
        "arms": ", ".join(arm.title for arm in resolved.arms),
        "request": request.model_dump_json(exclude_defaults=True),
    }


def _counted(count: Count, resolved: Resolved, reporter: Reporter) -> Overall | str:
    """Return the count of a run's steps; a plan drives a program of its own, which the thread of a running one cannot.

    It is empty if the steps cannot be planned, which stops no run.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_count, count, resolved, reporter).result()


def _count(count: Count, resolved: Resolved, reporter: Reporter) -> Overall | str:
    try:
        return count(resolved)
    except Exception as error:  # a plan follows the code of plugins over stand-ins
        reporter.detail(f"the steps of this run cannot be counted: {type(error).__name__}: {error}")
        return ""
