"""The end of a run: its rows, document, curves, contact sheets, leaderboard and evidence appear together."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from bench.atomic import replacing_folder, sweep
from bench.config.overrides import placeless
from bench.contract import Dataset
from bench.digest import digest
from bench.engine.context import read_curves
from bench.engine.cost import utc_now
from bench.engine.session import Session
from bench.engine.versions import package_versions
from bench.errors import JobError
from bench.evaluation.base import Measured
from bench.evaluation.costs import cost_rows
from bench.evaluation.registered import known_metrics, reporters
from bench.evaluation.row_maker import Rows
from bench.plan.arms import Arm
from bench.plan.ratios import Cumulative
from bench.plugin_version import version_of
from bench.results.artefacts import Artefact
from bench.results.document import RunDocument
from bench.results.table import ALL_FOLDS, ResultsStore, ScoreRow, frame_of
from bench.run.attempt import Attempt
from bench.run.behind import behind_of, data_digest, group_counts
from bench.run.evidence import has_evidence, write_evidence
from bench.run.finished_run import FinishedFold, FinishedRun
from bench.run.look_alikes import NAME as LOOK_ALIKES
from bench.run.look_alikes import sentences
from bench.run.outcome import Outcome
from bench.run.plugins import plugin_versions
from bench.run.publishing import publishing
from bench.run.resolve import Resolved
from bench.run.sheets import write_sheets
from bench.run.timings import timings, write_usage
from bench.run.whole_numbers import plan_digest, split_digest
from bench.stages.trial import Tested
from bench.synthetic import MANIFEST

DIVISION = "division.csv"
# The protocol of the harness as a whole: how arms are mixed, trained and compared, and how rows are made.
PROTOCOL = 3
SCALING = "scaling.png"


def publish(session: Session, resolved: Resolved, complete: FinishedRun, attempt: Attempt) -> Outcome:
    """Write the results of a run unless they already exist; of several processes that end the same run, one writes.

    Raises:
        JobError: the disk is full, or the results cannot be written for another reason.
    """
    document = _document(session, resolved, complete)
    run = run_key(document)
    results = ResultsStore(resolved.request.store, session.reporter.warn)
    try:
        with publishing(resolved.request.store, run):
            known = results.has(run)
            if not known:
                times = {"started": attempt.started, "ended": utc_now(), "sessions": attempt.sessions}
                _write(results, run, document.model_copy(update=times), session, resolved, complete)
            elif not has_evidence(results.folder(run)):  # results from before there was any
                write_evidence(results.folder(run), resolved, complete, session.reporter.warn)
    except OSError as error:
        raise _unwritten(results.root, error) from error
    attempt.finish()
    count = len(session.finished)
    done = f"{count} steps: {session.reused} reused, {count - session.reused} done"
    session.reporter.say(f"{done}; results of run {run} {'reused' if known else 'written'}")
    return Outcome(resolved.request.store, run, resolved.card.name, resolved.preset_label, session.reused, count)


def run_key(document: RunDocument) -> str:
    """Return the key of a run: a hash of the request, all steps and the versions of the code that makes its rows."""
    versions = {"harness": document.harness, "evaluations": dict(document.evaluations)}
    return digest([document.request, document.config, sorted(document.steps), versions])[:16]


def make_rows(run: str, resolved: Resolved, complete: FinishedRun) -> list[ScoreRow]:
    """Return every row of a run: for each fold those of its evaluations and its costs, then those over all folds."""
    makers = {fold.name: _row_maker(run, resolved, complete, fold) for fold in complete.folds}
    scores = {
        (one.name, fold.name): list(one.rows(fold.measured[one.name], makers[fold.name]))
        for fold in complete.folds
        for one in complete.evaluations
    }
    made: list[ScoreRow] = []
    for fold in complete.folds:
        for one in complete.evaluations:
            made.extend(scores[one.name, fold.name])
        for trial, generators, sets, tested in zip(fold.trials, fold.generators, fold.sets, fold.tested, strict=True):
            made.extend(cost_rows(trial.arm, generators, sets, tested, makers[fold.name]))
    if len(complete.folds) > 1:
        rows = _row_maker(run, resolved, complete, *complete.folds)
        for one in complete.evaluations:
            measured: list[Sequence[Measured]] = [fold.measured[one.name] for fold in complete.folds]
            of_folds = [scores[one.name, fold.name] for fold in complete.folds]
            made.extend(one.rows_over_folds(measured, of_folds, rows))
    return made


def _row_maker(run: str, resolved: Resolved, complete: FinishedRun, *folds: FinishedFold) -> Rows:
    """Return what makes the rows of a fold, or of several together."""
    preset, division = resolved.preset, complete.division
    return Rows(
        common={
            "run": run,
            "dataset": resolved.card.name,
            "data": data_digest([fold.data for fold in folds]),
            "division": "" if division is None else division.label,
            "fold": folds[0].name if len(folds) == 1 else ALL_FOLDS,
            "preset": resolved.preset_label,
            "harness": PROTOCOL,
        },
        budget=f"{preset.budget.unit}:{preset.budget.amount}",
        selector=resolved.networks[0].name if resolved.networks else "",
        replicates=resolved.replicates,
        starts_from={network.name: network.plugin.starts_from for network in resolved.networks},
        behind=behind_of(folds),
        groups=group_counts(folds),
        group_kind=folds[0].data["test"].info.group_kind,
    )


def _document(session: Session, resolved: Resolved, complete: FinishedRun) -> RunDocument:
    request = resolved.request.what()
    # by name: the paths of cards and weights change no number
    request["dataset"] = resolved.card.name
    request["overrides"] = placeless(resolved.request.overrides)
    if resolved.subject.ready is not None:
        # its rows have its name: the same images under another name are another run
        request["synthetic"] = f"{resolved.subject.name}@{resolved.subject.ready.digest}"
    request["data"] = {role: source.card.name for role, source in resolved.others.items()}
    division = complete.division
    if division is None:
        request.pop("protocol")
    else:
        request["protocol"] = f"{division.name}@{division.sha256}"
    arm, info = resolved.subject, complete.first.data["train"].info
    return RunDocument(
        dataset=resolved.card.name,
        method=arm.name,
        variant=arm.variant,
        preset=resolved.preset_label,
        harness=PROTOCOL,
        seeds=resolved.request.seeds,
        generation_seeds=resolved.request.generation_seeds,
        generator_seeds=resolved.request.generator_seeds,
        ratios=resolved.request.ratios,
        rare=tuple(info.classes[index - 1] for index in info.rare),
        request=request,
        config={
            "preset": resolved.preset.model_dump(mode="json"),
            "method": arm.method.config.model_dump(mode="json"),
            "downstream": {network.name: dict(network.config) for network in resolved.networks},
            "device": session.device.kind,
            "precision": session.precision,
        },
        evaluations={one.name: version_of(one) for one in complete.evaluations},
        plugins=plugin_versions(resolved),
        reporters=reporters(complete.evaluations),
        device_name=session.device.name,
        division={} if division is None else division.described,
        digests=dict(_by_role(complete, lambda data: data.digest)),
        splits=dict(_by_role(complete, split_digest)),
        steps={finished.key: finished.stage for finished in session.finished.values()},
        timings=timings(session),
        findings={name: tuple(found) for name, found in _findings(complete) if found},
        artefacts=tuple(one for fold in complete.folds for one in _artefacts(resolved, complete, fold)),
        versions=package_versions(*(trial.arm.distribution for trial in complete.first.trials)),
    )


def _findings(complete: FinishedRun) -> Iterator[tuple[str, list[object]]]:
    for one in complete.evaluations:
        measured = [each for fold in complete.folds for each in fold.measured[one.name]]
        yield one.name, [item for each in measured for item in one.findings(each.evidence)]
    yield LOOK_ALIKES, list(complete.look_alikes)


def _by_role(complete: FinishedRun, of_data: Callable[[Dataset], str]) -> Iterator[tuple[str, str]]:
    """Yield a digest of each role of data; under the name of the fold where folds differ."""
    found = [{role: of_data(data) for role, data in fold.data.items()} for fold in complete.folds]
    for fold, digests in zip(complete.folds, found, strict=True):
        for role, own in digests.items():
            same = all(others.get(role) == own for others in found)
            yield role if same else f"{role} {fold.name}", own


def _artefacts(resolved: Resolved, complete: FinishedRun, fold: FinishedFold) -> Iterator[Artefact]:
    """Yield the artefacts that a fold's rows come from: parts and sets of each arm, then outputs of evaluations."""
    replicates = resolved.replicates
    for trial, generators, sets in zip(fold.trials, fold.generators, fold.sets, strict=True):
        arm = {"method": trial.arm.name, "variant": trial.arm.variant, "fold": fold.name}
        for under, parts in zip(replicates.generators, generators, strict=True):
            own = under.columns if replicates.own_generators else {}  # a single generator draws the sets of all seeds
            for finished in parts.values():
                yield Artefact(kind="part", stage=finished.stage, key=finished.key, **own, **arm)
        for under, made in zip(replicates.sets, sets, strict=False):  # an arm may lack its sets
            if made is not None:
                step = {"stage": made.finished.stage, "key": made.finished.key}
                digests = {"digest": made.set.digest, "plan": plan_digest(made)}
                yield Artefact(kind="set", **under.columns, **digests, **step, **arm)
    for one in complete.evaluations:
        for each in fold.measured[one.name]:
            arm = {"method": each.trial.arm.name, "variant": each.trial.arm.variant, "fold": fold.name}
            for output in one.outputs(each.evidence):
                yield Artefact(
                    kind=output.kind,
                    **output.seeds.columns,
                    network=output.network,
                    split=output.split,
                    encoder=output.encoder,
                    evaluation=one.name,
                    stage=output.finished.stage,
                    key=output.finished.key,
                    **arm,
                )


def _write(
    results: ResultsStore, run: str, document: RunDocument, session: Session, resolved: Resolved, complete: FinishedRun
) -> None:
    """Write everything into a new folder, put it into its place as a whole, and then write rows and document."""
    sweep(results.root, run)
    rows = make_rows(run, resolved, complete)
    with replacing_folder(results.folder(run)) as folder:
        write_usage(folder, session)
        _write_shown(folder, run, rows, resolved, complete)
        write_evidence(folder, resolved, complete, session.reporter.warn)
    results.write(run, rows, document)


def _unwritten(folder: Path, error: OSError) -> JobError:
    with suppress(OSError):
        free = f"; {shutil.disk_usage(folder).free / 2**20:.0f} MiB are free there"
        return JobError(
            f"The results cannot be written to {folder}",
            got=f"{error.strerror or error}{free}",
            fix="free some space and run the same command again: finished steps are kept, and no result is half there",
        )
    return JobError(f"The results cannot be written to {folder}", got=str(error), fix="give another --store")


def _write_shown(folder: Path, run: str, rows: Sequence[ScoreRow], resolved: Resolved, complete: FinishedRun) -> None:
    """Write what people look at: curves, the division of the data, manifest, contact sheets and leaderboard."""
    _write_curves(folder / "curves.jsonl", complete)
    if complete.division is not None:
        complete.division.write(folder / DIVISION)
    first = complete.first
    sets = {trial.arm.title: made for trial, made in zip(first.trials, first.sets, strict=True)}
    of_subject = sets[resolved.subject.title]
    if of_subject and of_subject[0] is not None:
        shutil.copyfile(of_subject[0].set.folder / MANIFEST, folder / MANIFEST)
    shown = [(arm, sets[arm.title][0]) for arm in resolved.subjects if sets[arm.title]]
    write_sheets(folder, shown, first.data["train"], resolved.card.name)
    doubts = {run: [text for found in complete.look_alikes for text in sentences(found)]}
    _write_leaderboard(folder / "leaderboard.md", folder, rows, doubts)


def _write_curves(path: Path, complete: FinishedRun) -> None:
    """Write the training curves of all arms into one file, each under its own name."""
    lines: dict[str, None] = {}
    for fold in complete.folds:
        for prefix, arm, folder in _curve_folders(fold):
            about = f"{prefix}, fold {fold.name}" if len(complete.folds) > 1 else prefix
            of = {"fold": fold.name, **arm}
            for name, step, value in read_curves(folder):
                record = {"name": f"{about}/{name.rpartition('/')[2]}", "step": step, "value": value, **of}
                lines[json.dumps(record)] = None
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def _curve_folders(fold: FinishedFold) -> Iterator[tuple[str, dict[str, object], Path]]:
    """Yield the name, the arm and the folder of each training; a part that arms share is there for each."""
    for trial, generators, tested in zip(fold.trials, fold.generators, fold.tested, strict=True):
        arm: dict[str, object] = {"method": trial.arm.name, "variant": trial.arm.variant}
        for seed, parts in enumerate(generators):
            own = [str(seed)] if len(generators) > 1 else []
            yield from (("/".join(["fit", name, *own]), arm, finished.path) for name, finished in parts.items())
        for one in tested:
            yield _curve(trial.arm, one), {**arm, "network": one.network, **one.under.columns}, one.model.path


def _curve(arm: Arm, tested: Tested) -> str:
    """Return the name of a network's curves: with the arm's ratio or its set's seed if a run varies them."""
    seed, generation = tested.under
    ratio = [arm.selection.title] if isinstance(arm.selection, Cumulative) else []
    own = [str(seed) if generation in (0, seed) else f"{seed}-{generation}"]
    return "/".join([tested.network, arm.name, *ratio, *own])


def _write_leaderboard(path: Path, folder: Path, rows: Sequence[ScoreRow], doubts: Mapping[str, Sequence[str]]) -> None:
    from reports.leaderboard import leaderboard
    from reports.markdown import render_markdown
    from reports.scaling import scalings
    from reports.scaling_picture import scaling_picture
    from reports.scaling_table import scaling_markdown

    boards = leaderboard(frame_of(rows), known=known_metrics(), doubts=doubts)
    # first the columns that fit a page, then all
    tables = [render_markdown(board, everything=everything) for board in boards for everything in (False, True)]
    found = [one for board in boards for one in scalings(board)]
    for number, scaling in enumerate(found, 1):
        picture = SCALING if number == 1 else SCALING.replace(".", f"_{number}.")
        scaling_picture(scaling, folder / picture)
        tables.append(scaling_markdown(scaling, picture))
    path.write_text("\n".join(tables), encoding="utf-8")
