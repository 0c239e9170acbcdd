"""`bench suite`: run everything that a suite file lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from bench.cli.options import (
    AddressOption,
    DataRootOption,
    DeviceOption,
    DevicesOption,
    ExecutorOption,
    GpusOption,
    JobsOption,
    OfflineOption,
    PrecisionOption,
    ProfileOption,
    StoreOption,
    ThreadsOption,
    TrackingOption,
    TrackingUriOption,
    WeightsOption,
    WorkersOption,
    executing,
    fetching,
    resolve_data_root,
    resolve_store,
    resolve_weights,
)
from bench.cli.screen import console, count_runs
from bench.cli.verbosity import reporter

if TYPE_CHECKING:
    from bench.suite.execute import Done
    from bench.suite.file import Suite


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("suite")(suite)


def suite(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(metavar="NAME|FILE", help="Name of a suite, or path to a suite file; see `bench list suites`."),
    ],
    preset: Annotated[
        Optional[str], typer.Option(help="Preset for every run, with its own budget and encoders [the file's].")
    ] = None,
    seeds: Annotated[Optional[int], typer.Option(min=1, help="Number of replicates of every run [the file's].")] = None,
    overrides: Annotated[
        Optional[list[str]],
        typer.Option("--set", metavar="KEY=VALUE", help="Override a setting in every run, after the file's own."),
    ] = None,
    only: Annotated[
        Optional[list[str]],
        typer.Option(metavar="PATTERN", help="Run only labels matching PATTERN, e.g. 'StyleGAN2*'."),
    ] = None,
    skip: Annotated[Optional[list[str]], typer.Option(metavar="PATTERN", help="Skip labels matching PATTERN.")] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="List every step, how many are finished, and an estimate of the rest, without running any.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan of --dry-run as JSON.")] = False,
    device: DeviceOption = "auto",
    devices: DevicesOption = 1,
    precision: PrecisionOption = None,
    threads: ThreadsOption = 2,
    jobs: JobsOption = 1,
    executor: ExecutorOption = None,
    gpus: GpusOption = None,
    profile: ProfileOption = None,
    address: AddressOption = None,
    workers: WorkersOption = None,
    store: StoreOption = None,
    data_root: DataRootOption = None,
    weights: WeightsOption = None,
    offline: OfflineOption = False,
    tracking_uri: TrackingUriOption = None,
    tracking: TrackingOption = True,
) -> None:
    """Run a suite; finished steps are not repeated, and a run that fails does not stop the others."""
    from bench.config import Environment
    from bench.engine.executors import check_executor
    from bench.errors import ConfigError
    from bench.run.driver import executor_options
    from bench.run.fetch import fetch_missing
    from bench.suite.check import check_runs
    from bench.suite.execute import run_all
    from bench.suite.expand import choose, expand
    from bench.suite.file import find_suite

    if as_json and not dry_run:
        raise ConfigError("--json prints the plan of a suite", got="--json without --dry-run", fix="add --dry-run")
    found = find_suite(file)
    given = {
        "device": device,
        "devices": devices,
        "precision": precision,
        "threads": threads,
        "workers": workers,
        **executing(executor, jobs, gpus, profile, address),
        "store": resolve_store(store),
        "data_root": resolve_data_root(data_root),
        "weights": resolve_weights(weights),
        "tracking_uri": tracking_uri or Environment.read().tracking_uri,
        "tracking": tracking,
        "track_models": Environment.read().track_models,
        **fetching(offline),
    }
    runs = expand(found, given, preset=preset, seeds=seeds, overrides=overrides or ())
    chosen = choose(runs, only or (), skip or ())
    check = check_runs(chosen)
    if dry_run and len(check.runs) == len(chosen):  # otherwise the file itself is wrong
        from bench.cli.dry_run import show

        show(found, check, as_json=as_json)
        return
    if chosen:
        check_executor(chosen[0].request.executor, executor_options(chosen[0].request))
    if chosen and fetch_missing(lambda: check.missing, chosen[0].request, reporter(context)):
        check = check_runs(chosen)
    check.stop()
    done = run_all(check.runs, reporter(context), found.file.name)
    _print_boards(done)
    _print_paper(found, done)
    _print_summary(found, done)
    if any(item.state == "failed" for item in done):
        raise typer.Exit(1)


def _print_summary(found: Suite, done: Sequence[Done]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("run", overflow="fold")
    table.add_column("state")
    table.add_column("results of run")
    table.add_column("time", justify="right")
    table.add_column("why", overflow="fold")
    for item in done:
        run = "" if item.outcome is None else item.outcome.run
        table.add_row(item.label, item.state, run, _duration(item.seconds), _why(item))
    screen = console()
    screen.print(found.file.title, style="bold")
    screen.print(table)
    states = [item.state for item in done]
    counts = [f"{states.count(state)} {state}" for state in ("done", "found", "failed") if state in states]
    screen.print(f"{count_runs(len(done))}: {', '.join(counts)}")


def _why(item: Done) -> str:
    """Return why a run failed, with its failed steps and the path of its log."""
    error = item.error
    return "" if error is None else "\n".join([f"{error.message}: {error.got}", *getattr(error, "__notes__", ())])


def _print_boards(done: Sequence[Done]) -> None:
    from bench.cli.leaderboard import show

    outcomes = [item.outcome for item in done if item.outcome is not None]
    for store, dataset, preset in dict.fromkeys((o.store, o.dataset, o.preset) for o in outcomes):
        show(store, dataset=dataset, preset=preset)


def _print_paper(found: Suite, done: Sequence[Done]) -> None:
    """Print the paper's table that a suite repeats, with its own numbers."""
    from bench.cli.leaderboard import show_paper
    from bench.suite.file import published_table

    table = published_table(found)
    outcomes = [item.outcome for item in done if item.outcome is not None]
    if table is None or found.file.published is None:
        return
    for store, preset in dict.fromkeys((o.store, o.preset) for o in outcomes):
        show_paper(store, table, preset=preset, stand_in=found.file.published.stand_in)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.1f} s"
