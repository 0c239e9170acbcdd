"""`bench suite`: run everything that a suite file lists."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from bench.cli.options import (
    DataRootOption,
    DeviceOption,
    JobsOption,
    PrecisionOption,
    StoreOption,
    ThreadsOption,
    TrackingOption,
    TrackingUriOption,
    WeightsOption,
    WorkersOption,
    resolve_data_root,
    resolve_store,
    resolve_weights,
)

if TYPE_CHECKING:
    from rich.console import Console

    from bench.run.resolve import Resolved
    from bench.suite.check import Checked
    from bench.suite.execute import Done
    from bench.suite.file import Suite


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("suite")(suite)


def suite(
    file: Annotated[str, typer.Argument(help="Name of a suite, or path to a suite file; see `bench list suites`.")],
    preset: Annotated[
        Optional[str], typer.Option(help="Preset for every run, with its own budget and encoders [the file's].")
    ] = None,
    seeds: Annotated[Optional[int], typer.Option(min=1, help="Number of replicates of every run [the file's].")] = None,
    overrides: Annotated[
        Optional[list[str]],
        typer.Option("--set", help="Override a setting in every run (key=value), after the file's own."),
    ] = None,
    only: Annotated[
        Optional[list[str]],
        typer.Option(metavar="PATTERN", help="Run only labels matching PATTERN, e.g. 'StyleGAN2*'."),
    ] = None,
    skip: Annotated[Optional[list[str]], typer.Option(metavar="PATTERN", help="Skip labels matching PATTERN.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the runs and how far each is finished, without running any.")
    ] = False,
    device: DeviceOption = "auto",
    precision: PrecisionOption = None,
    threads: ThreadsOption = 2,
    jobs: JobsOption = 1,
    workers: WorkersOption = 0,
    store: StoreOption = None,
    data_root: DataRootOption = None,
    weights: WeightsOption = None,
    tracking_uri: TrackingUriOption = None,
    tracking: TrackingOption = True,
) -> None:
    """Run a suite; finished steps are not repeated, and a run that fails does not stop the others."""
    from bench.config import Environment
    from bench.engine.reporter import Reporter
    from bench.suite.check import check_runs
    from bench.suite.execute import run_all
    from bench.suite.expand import choose, expand
    from bench.suite.file import find_suite

    found = find_suite(file)
    given = {
        "device": device,
        "precision": precision,
        "threads": threads,
        "workers": workers,
        "jobs": jobs,
        "store": resolve_store(store),
        "data_root": resolve_data_root(data_root),
        "weights": resolve_weights(weights),
        "tracking_uri": tracking_uri or Environment.read().tracking_uri,
        "tracking": tracking,
    }
    runs = expand(found, given, preset=preset, seeds=seeds, overrides=overrides or ())
    check = check_runs(choose(runs, only or (), skip or ()))
    if dry_run:
        _print_plan(found, check.runs)
    check.stop()
    if dry_run:
        return
    done = run_all(check.runs, Reporter())
    _print_boards(done)
    _print_summary(found, done)
    if any(item.state == "failed" for item in done):
        raise typer.Exit(1)


def _print_plan(found: Suite, checked: Sequence[Checked]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("run", "method", "dataset", "preset", "arms"):
        table.add_column(name, overflow="fold")
    table.add_column("seeds", justify="right")
    table.add_column("in the store", justify="right")
    table.add_column("next", overflow="fold")
    for run in checked:
        resolved = run.resolved
        read = [other.card.name for role, other in resolved.others.items() if role in resolved.roles]
        where = " + ".join([resolved.card.name, *read])
        table.add_row(
            run.label,
            resolved.subject.name,
            _divided(where, run),
            resolved.preset_label,
            _arms(resolved),
            str(resolved.request.seeds),
            *_in_store(resolved),
        )
    console = _console()
    console.print(f"{found.file.title}: {_runs(len(checked))}", style="bold")
    console.print(table)
    console.print("steps that several runs share are counted in each of them; nothing was run")


def _divided(where: str, run: Checked) -> str:
    """Return the data of a run with its fold, or with its protocol and the number of folds."""
    fold, protocol = run.request.fold, run.resolved.protocol
    if protocol is not None:
        return f"{where}, {protocol.name}" + (f" ({protocol.n_folds} folds)" if protocol.n_folds > 1 else "")
    return where if fold is None else f"{where}, fold {fold[0]}/{fold[1]}"


def _arms(resolved: Resolved) -> str:
    """Return the names of the controls and the method; a method whose arms differ only in selection is named once."""
    titles = [arm.title for arm in resolved.arms if arm not in resolved.subjects]
    selections = [arm.selection.title for arm in resolved.subjects if arm.selection is not None]
    if not selections:
        return ", ".join([*titles, *(arm.title for arm in resolved.subjects)])
    return f"{', '.join(titles)}; {resolved.subject.name}: {', '.join(selections)}"


def _in_store(resolved: Resolved) -> tuple[str, str]:
    """Return how many steps of a run are finished, and what would run next."""
    from bench.errors import BenchError
    from bench.suite.probe import probe

    try:
        seen = probe(resolved)
    except BenchError:  # what is missing is printed below the table
        return "", "cannot start here"
    if not seen.next:
        return str(seen.found), "nothing: all steps are finished"
    first = seen.next[0]
    more = f" and {len(seen.next) - 1} more" if len(seen.next) > 1 else ""
    return str(seen.found), f"{first.stage}: {first.title}{more}"


def _print_summary(found: Suite, done: Sequence[Done]) -> None:
    from rich.table import Table

    from bench.suite.file import published_table

    table = Table(box=None, pad_edge=False)
    table.add_column("run", overflow="fold")
    table.add_column("state")
    table.add_column("results of run")
    table.add_column("time", justify="right")
    table.add_column("why", overflow="fold")
    for item in done:
        run = "" if item.outcome is None else item.outcome.run
        why = "" if item.error is None else f"{item.error.message}: {item.error.got}"
        table.add_row(item.label, item.state, run, _duration(item.seconds), why)
    console = _console()
    console.print(found.file.title, style="bold")
    console.print(table)
    states = [item.state for item in done]
    counts = [f"{states.count(state)} {state}" for state in ("done", "found", "failed") if state in states]
    console.print(f"{_runs(len(done))}: {', '.join(counts)}")
    if found.file.published is not None:
        console.print(f"published values ({found.file.published.paper}): {published_table(found)}")


def _print_boards(done: Sequence[Done]) -> None:
    from bench.cli.leaderboard import show

    outcomes = [item.outcome for item in done if item.outcome is not None]
    for store, dataset, preset in dict.fromkeys((o.store, o.dataset, o.preset) for o in outcomes):
        show(store, dataset=dataset, preset=preset)


def _runs(n: int) -> str:
    return "1 run" if n == 1 else f"{n} runs"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.1f} s"


def _console() -> Console:
    from rich.console import Console

    from reports.terminal import WIDTH

    # a pipe has no width: tables are then made for a wide terminal
    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else WIDTH)
