"""The program of a run, which awaits every step of its arms and evaluations and publishes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from bench.engine.device import loading_workers
from bench.engine.executors import Executor
from bench.engine.reporter import Reporter
from bench.engine.session import Session, together
from bench.engine.store import Store
from bench.evaluation.base import Evaluation, Measured
from bench.evaluation.registered import evaluations
from bench.plan.checks import stop_if_missing
from bench.plan.ratios import capped
from bench.run.divisions import FoldData, divide_data
from bench.run.driver import device_of
from bench.run.finished_run import FinishedFold, FinishedRun
from bench.run.look_alikes import look_alikes, sentences
from bench.run.resolve import Resolved
from bench.stages.synthesize import real_patches
from bench.stages.trial import Bench, Trial


def open_session(resolved: Resolved, store: Store, reporter: Reporter, executor: Executor) -> Session:
    """Return the session in which a request is done over a store."""
    request = resolved.request
    precision = request.precision or resolved.preset.precision
    device = device_of(request)
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
