"""A run from request to results: a program that awaits the steps of all arms concurrently."""

from __future__ import annotations

from bench.config import RunRequest
from bench.contract import Dataset
from bench.engine.device import resolve_device
from bench.engine.executors import Executor, InProcess, Processes
from bench.engine.reporter import Reporter
from bench.engine.session import Session, drive, together
from bench.engine.store import Store, check_writable
from bench.evaluation.base import Evaluation, Measured
from bench.evaluation.registered import evaluations
from bench.plan.checks import stop_if_missing
from bench.plan.ratios import capped
from bench.run.finished_run import FinishedRun
from bench.run.missing import find_missing
from bench.run.outcome import Outcome
from bench.run.publish import publish
from bench.run.resolve import Resolved, resolve
from bench.stages.prepare import apply_fold, apply_labelled, own_text, prepare_others, prepare_splits
from bench.stages.synthesize import real_patches
from bench.stages.trial import Bench, Trial


def run_request(request: RunRequest) -> Outcome:
    """Do a run, reusing what is already in the store, and publish its results.

    Raises:
        ConfigError: an unknown name, key or value.
        MissingError: something is missing; everything that is missing is listed.
    """
    resolved = resolve(request)
    stop_if_missing(find_missing(resolved))
    check_writable(request.store)
    return run_resolved(resolved, Reporter())


def run_resolved(resolved: Resolved, reporter: Reporter) -> Outcome:
    """Do a run that is already resolved and checked, and publish its results."""
    executor = make_executor(resolved.request)
    try:
        session = open_session(resolved, Store(resolved.request.store), reporter, executor)
        return publish(session, resolved, drive(work(session, resolved)))
    finally:
        executor.close()


def make_executor(request: RunRequest) -> Executor:
    """Return the executor that does the steps of a request: this process, or several workers."""
    return InProcess() if request.jobs == 1 else Processes(request.jobs)


def open_session(resolved: Resolved, store: Store, reporter: Reporter, executor: Executor) -> Session:
    """Return the session in which a request is done over a store."""
    request = resolved.request
    precision = request.precision or resolved.preset.precision
    device = resolve_device(request.device)
    return Session(store, reporter, device, precision, request.threads, request.workers, executor)


async def work(session: Session, resolved: Resolved) -> FinishedRun:
    """Await every step of the arms and evaluations of a run; publish nothing."""
    data = await prepare_data(session, resolved)
    stop_if_missing([*capped(resolved.subjects, real_patches(data["train"], resolved.preset), resolved.preset)])
    frame = Bench(
        session,
        resolved.preset,
        data,
        resolved.networks,
        resolved.encoders,
        resolved.request.seeds,
        resolved.subjects,
        resolved.text_encoder,
        resolved.request.weights,
        resolved.request.generation_seeds,
    )
    first, *others = resolved.arms
    baseline = Trial(frame, first)
    trials = [baseline, *(Trial(frame, arm, baseline) for arm in others)]
    asked = evaluations(data["test"].info)
    everything = await together(*(_measure(one, trial) for trial in trials for one in asked))
    measured = {
        one.name: [everything[row * len(asked) + column] for row in range(len(trials))]
        for column, one in enumerate(asked)
    }
    return FinishedRun(
        data=data,
        trials=trials,
        evaluations=asked,
        measured=measured,
        parts=await together(*(trial.parts() for trial in trials)),
        sets=[(await trial.sets()).made for trial in trials],
        tested=await together(*(trial.tested() for trial in trials)),
    )


async def prepare_data(session: Session, resolved: Resolved) -> dict[str, Dataset]:
    """Prepare the dataset's splits and the other datasets of a run, by role."""
    prepared = await prepare_splits(session, resolved.source, resolved.preset, resolved.splits)
    others = await prepare_others(session, resolved.others, resolved.preset, resolved.roles)
    data = apply_labelled(apply_fold(prepared, resolved.request.fold), resolved.source)
    return data | own_text(data["train"], resolved.other.own_text) | others


async def _measure(evaluation: Evaluation, trial: Trial) -> Measured:
    """Run one evaluation on one arm."""
    reason = await evaluation.applies(trial)
    evidence = await evaluation.measure(trial)
    return Measured(trial, (await trial.sets()).made, evidence, reason)
