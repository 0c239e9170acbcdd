"""A run from request to results: a program that awaits the steps of all arms concurrently."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial

from bench.config import RunRequest
from bench.config.profile import read_profile
from bench.engine.device import loading_workers, resolve_device
from bench.engine.executors import Executor, ExecutorOptions, check_executor, open_executor
from bench.engine.log import libraries, new_log, write_head
from bench.engine.overall import Overall
from bench.engine.progress import Board
from bench.engine.reporter import Reporter
from bench.engine.session import Asked, Session, drive, together
from bench.engine.stop import Parked, Stop, interrupts
from bench.engine.store import Store, check_writable
from bench.evaluation.base import Evaluation, Measured
from bench.evaluation.registered import evaluations
from bench.plan.checks import stop_if_missing
from bench.plan.ratios import capped
from bench.run.attempt import Attempt, begin
from bench.run.divisions import FoldData, divide_data
from bench.run.failed import error_of_run
from bench.run.fetch import fetch_missing
from bench.run.finished_run import FinishedFold, FinishedRun
from bench.run.look_alikes import look_alikes, sentences
from bench.run.missing import find_missing
from bench.run.outcome import Outcome
from bench.run.publish import publish
from bench.run.remarks import remarks
from bench.run.resolve import Resolved, resolve
from bench.stages.synthesize import real_patches
from bench.stages.trial import Bench, Trial

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


@dataclass
class Driver:
    """What the runs of one process have in common: the executor, the steps that are done, the board and the stop."""

    executor: Executor
    board: Board
    stop: Stop = field(default_factory=Stop)
    asked: dict[str, Asked] = field(default_factory=dict)


@contextmanager
def opened(request: RunRequest, board: Board, reporter: Reporter) -> Iterator[Driver]:
    """Return the driver of a request, and of others with the same places, which ends everything that it started.

    Raises:
        KeyboardInterrupt: the user asked to stop and the running steps are done, or asked to stop immediately.
    """
    driver = Driver(make_executor(request), board)
    try:
        with interrupts(driver.stop, partial(reporter.say, style="yellow")), board:
            try:
                yield driver
            except Parked:
                raise KeyboardInterrupt from None
    finally:
        driver.executor.close()


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
        "device": resolve_device(request.device).name,
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


def make_executor(request: RunRequest) -> Executor:
    """Return the executor that does the steps of a request, and of others with the same places; the caller closes it.

    Raises:
        BenchError: the chosen executor cannot work here.
    """
    return open_executor(request.executor, executor_options(request))


def executor_options(request: RunRequest) -> ExecutorOptions:
    """Return what a request says of its executor, for `check_executor` and `open_executor`."""
    return ExecutorOptions(
        store=request.store.absolute(),
        jobs=request.jobs,
        gpus=request.gpus,
        profile=request.profile,
        address=request.address,
        device=request.device,
        threads=request.threads,
        workers=request.workers or 0,
        read_profile=read_profile,
    )


def open_session(resolved: Resolved, store: Store, reporter: Reporter, executor: Executor) -> Session:
    """Return the session in which a request is done over a store."""
    request = resolved.request
    precision = request.precision or resolved.preset.precision
    device = resolve_device(request.device, request.devices)
    workers = loading_workers(device) if request.workers is None else request.workers
    sharing = resolved.preset.steps_per_accelerator
    return Session(store, reporter, device, precision, request.threads, workers, executor, sharing=sharing)


async def work(session: Session, resolved: Resolved) -> FinishedRun:
    """Await every step of the arms and evaluations of a run, for each of its folds; publish nothing."""
    divided = await divide_data(session, resolved)
    alike = look_alikes(divided.folds)
    for said in (text for found in alike for text in sentences(found)):
        session.reporter.warn(said)
    asked = evaluations(divided.folds[0].data["test"].info, resolved.preset.evaluations)
    folds = await together(*(_work_on(fold, session, resolved, asked) for fold in divided.folds))
    return FinishedRun(folds, asked, divided.division, alike)


async def _work_on(fold: FoldData, session: Session, resolved: Resolved, asked: Sequence[Evaluation]) -> FinishedFold:
    """Await every step of one fold, whose arms see only its own data."""
    stop_if_missing([*capped(resolved.subjects, real_patches(fold.data["train"], resolved.preset), resolved.preset)])
    trials = trials_of(fold, session, resolved)
    everything = await together(*(measure(one, trial) for trial in trials for one in asked))
    measured = {
        one.name: [everything[row * len(asked) + column] for row in range(len(trials))]
        for column, one in enumerate(asked)
    }
    return FinishedFold(
        name=fold.name,
        data=fold.data,
        trials=trials,
        measured=measured,
        generators=await together(*(trial.generators() for trial in trials)),
        sets=[(await trial.sets()).made for trial in trials],
        tested=await together(*(trial.tested() for trial in trials)),
    )


def trials_of(fold: FoldData, session: Session, resolved: Resolved) -> list[Trial]:
    """Return the arms of one fold, which see only its own data, the baseline first; nothing is done yet."""
    frame = Bench(
        session.part(f"fold {fold.name}") if fold.name else session,
        resolved.preset,
        fold.data,
        resolved.networks,
        resolved.encoders,
        resolved.replicates.training,
        resolved.subjects,
        resolved.text_encoder,
        resolved.request.weights,
        resolved.replicates.generation,
        resolved.replicates.own_generators,
    )
    first, *others = resolved.arms
    baseline = Trial(frame, first)
    return [baseline, *(Trial(frame, arm, baseline) for arm in others)]


async def measure(evaluation: Evaluation, trial: Trial) -> Measured:
    """Run one evaluation on one arm."""
    reason = await evaluation.applies(trial)
    evidence = await evaluation.measure(trial)
    return Measured(trial, (await trial.sets()).made, evidence, reason)
