"""The end of a run: rows, document, curves, contact sheet and leaderboard; then the tracking server is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.config.overrides import placeless
from bench.contract import Dataset
from bench.digest import digest
from bench.results import ResultsStore, write_rows
from bench.runtime.context import read_curves
from bench.stages.generate import package_versions
from bench.stages.leakage import read_leakage
from bench.stages.rows import RowMaker
from bench.stages.session import Session
from bench.stages.work import ArmWork, Outcome
from bench.synthetic import MANIFEST

if TYPE_CHECKING:
    from bench.stages.pipeline import Resolved

# The protocol of the harness as a whole: how arms are mixed, trained, compared.
PROTOCOL = 1
SHEET = "contact_sheet.png"


def publish(session: Session, resolved: Resolved, data: Mapping[str, Dataset], worked: Sequence[ArmWork]) -> Outcome:
    """Write the results of a run where they are not there already, and tell the tracking server."""
    document = _document(resolved, data, worked, session)
    run = digest([document["request"], document["config"], sorted(document["jobs"])])[:16]
    results = ResultsStore(resolved.request.store)
    known = run in results.runs()
    if not known:
        _write(results, run, document, resolved, data, worked)
    count = len(session.finished)
    done = f"{count} jobs: {session.reused} reused, {count - session.reused} done"
    session.reporter.say(f"{done}; results of run {run} {'reused' if known else 'written'}")
    if resolved.request.tracking:
        from bench.tracking import track

        track(resolved.request.store, run, resolved.request.tracking_uri, session.reporter.warn)
    return Outcome(resolved.request.store, run, resolved.card.name, resolved.preset_label, session.reused, count)


def _document(
    resolved: Resolved, data: Mapping[str, Dataset], worked: Sequence[ArmWork], session: Session
) -> dict[str, Any]:
    request = resolved.request.model_dump(mode="json")
    # by name: paths of cards and weights say where they lie, which changes no number
    request["dataset"] = resolved.card.name
    request["overrides"] = placeless(resolved.request.overrides)
    if resolved.subject.ready is not None:
        request["synthetic"] = resolved.subject.ready.digest
    request |= {f"{role}_dataset": source.card.name for role, source in resolved.others.items()}
    arm = resolved.subject
    places = {"store", "data_root", "weights", "tracking_uri", "tracking", "workers"}
    return {
        "dataset": resolved.card.name,
        "method": arm.name,
        "variant": arm.variant,
        "preset": resolved.preset_label,
        "protocol": PROTOCOL,
        "seeds": resolved.request.seeds,
        "rare": [data["train"].info.classes[index - 1] for index in data["train"].info.rare],
        "request": {key: value for key, value in request.items() if key not in places},
        "config": {
            "preset": resolved.preset.model_dump(mode="json"),
            "method": arm.method.config.model_dump(mode="json"),
            "downstream": {network.name: network.config for network in resolved.networks},
            "device": session.device.kind,
            "precision": session.precision,
        },
        "device_name": session.device.name,
        "digests": {role: split.digest for role, split in data.items()},
        "jobs": {finished.key: finished.job.stage for finished in session.finished},
        "sets": {
            f"{done.arm.name}/{seed}": made[1].digest
            for done in worked
            for seed, made in enumerate(done.sets)
            if made is not None
        },
        "leakage": [read_leakage(found) for arm in worked for found in arm.leaks],
        "versions": package_versions(),
    }


def _write(
    results: ResultsStore,
    run: str,
    document: dict[str, Any],
    resolved: Resolved,
    data: Mapping[str, Dataset],
    worked: Sequence[ArmWork],
) -> None:
    request, preset = resolved.request, resolved.preset
    fold = "" if request.fold is None else f"{request.fold[0]}/{request.fold[1]}"
    common = {"run": run, "dataset": resolved.card.name, "fold": fold, "preset": resolved.preset_label}
    budget = f"{preset.budget.unit}:{preset.budget.amount}"
    selector = resolved.networks[0].name if resolved.networks else ""
    rows = RowMaker(common, budget, preset.bootstrap_samples, selector).rows(worked, data["test"])
    folder = results.folder(run)
    folder.mkdir(parents=True, exist_ok=True)
    _write_curves(folder / "curves.jsonl", worked)
    arm = next(item for item in worked if item.arm is resolved.subject)
    if arm.sets and arm.sets[0] is not None:
        synthetic = arm.sets[0][1]
        shutil.copyfile(synthetic.folder / MANIFEST, folder / MANIFEST)
    write_sheets(folder, [item for item in worked if item.arm in resolved.subjects], data["train"], resolved.card.name)
    _write_leaderboard(folder / "leaderboard.md", folder, rows, resolved)
    results.write(run, rows, document)


def write_sheets(folder: Path, arms: Sequence[ArmWork], train: Dataset, dataset: str) -> None:
    """Write a contact sheet of the first seed; one for each way of choosing: more from one pool begins with the same.

    The first is `contact_sheet.png`, each other has its way in its name.
    """
    from reports.contact_sheet import set_sheet

    ways: set[str] = set()
    for arm in arms:
        way = _way(arm)
        if way in ways or not arm.sets or arm.sets[0] is None:
            continue
        name = SHEET if not ways else SHEET.replace(".", f"_{way}.")
        ways.add(way)
        set_sheet(arm.sets[0][1], train, folder / name, title=f"{arm.arm.title}, {dataset}")


def _way(arm: ArmWork) -> str:
    """Return how an arm's set was chosen, whatever its size: `centroid`; nothing where it was not chosen."""
    selection = arm.arm.selection
    settings = {} if selection is None else selection.model_dump(mode="json")
    return "-".join(str(value) for key, value in settings.items() if key != "ratio" and value is not None)


def _write_curves(path: Path, worked: Sequence[ArmWork]) -> None:
    """Gather the training curves of every arm under names of their own."""
    lines: dict[str, None] = {}
    for arm in worked:
        folders = [(f"fit/{name}", finished.path) for name, finished in arm.fitted.items()]
        folders += [(f"{t.network}/{arm.arm.name}/{t.seed}", t.model.path) for t in arm.tested]
        for prefix, folder in folders:
            for name, step, value in read_curves(folder):
                record = {"name": f"{prefix}/{name.rpartition('/')[2]}", "step": step, "value": value}
                lines[json.dumps(record)] = None
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def _write_leaderboard(path: Path, folder: Path, rows: Sequence[Any], resolved: Resolved) -> None:
    from bench.results import read_rows
    from reports.leaderboard import leaderboard
    from reports.markdown import render_markdown

    scratch = folder / "rows.parquet"
    write_rows(scratch, rows)
    boards = leaderboard(read_rows([scratch]))
    scratch.unlink()
    # first what a page holds, then every column
    tables = [render_markdown(board, everything=everything) for board in boards for everything in (False, True)]
    path.write_text("\n".join(tables), encoding="utf-8")
