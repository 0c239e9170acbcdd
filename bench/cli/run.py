"""`bench run`: run all stages of one method on one dataset."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from bench.cli import complete
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
from bench.cli.verbosity import reporter

if TYPE_CHECKING:
    from bench.config import RunRequest
    from bench.run.outcome import Outcome


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(
    context: typer.Context,
    dataset: Annotated[
        str,
        typer.Option(
            autocompletion=complete.datasets, help="Dataset to run on, or path to its card; see `bench list datasets`."
        ),
    ],
    method: Annotated[
        Optional[str], typer.Option(autocompletion=complete.methods, help="Method to run; see `bench list methods`.")
    ] = None,
    synthetic: Annotated[
        Optional[str],
        typer.Option(
            metavar="NAME|DIR",
            help="Score this sealed set instead of a method: its folder, or the name of an imported set.",
        ),
    ] = None,
    preset: Annotated[
        Optional[str],
        typer.Option(
            autocompletion=complete.presets, help="Preset: tiny, smoke, small or paper [the dataset's default]."
        ),
    ] = None,
    seeds: Annotated[
        Optional[int],
        typer.Option(
            min=1, help="Number of replicates: synthesize and train with seeds 0..N-1 [1, or the protocol's]."
        ),
    ] = None,
    generation_seeds: Annotated[
        Optional[int],
        typer.Option(
            min=1,
            help="Draw this many sets, and train under every seed on each of them [each seed has a set of its own].",
        ),
    ] = None,
    generator_seeds: Annotated[
        Optional[int],
        typer.Option(
            min=1,
            help="Train the generator under this many seeds, draw a set from each, and train under every seed on "
            "each set [one generator, trained under seed 0].",
        ),
    ] = None,
    ratios: Annotated[
        Optional[str],
        typer.Option(
            metavar="X,X,...",
            help="Ratios of synthetic to real images, e.g. 1,1.5,2: one set of the largest size, and a part of it per "
            "ratio [the method's].",
        ),
    ] = None,
    fold: Annotated[
        Optional[str], typer.Option(metavar="k/K", help="Test on fold k of K of the training split.")
    ] = None,
    protocol: Annotated[
        Optional[str],
        typer.Option(
            metavar="NAME|FILE",
            help="Run all folds of a protocol of the dataset (see `bench list protocols`), or of a file of "
            "`bench data splits`.",
        ),
    ] = None,
    overrides: Annotated[
        Optional[list[str]],
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Override a setting, e.g. method.guidance_scale=2.0, downstream.vit.batch=16, patch=96.",
        ),
    ] = None,
    controls: Annotated[
        Optional[str],
        typer.Option(
            metavar="NAME,NAME,...", help="Controls to run with the method, comma-separated [real-only,copy,noise]."
        ),
    ] = None,
    downstream: Annotated[
        Optional[str],
        typer.Option(metavar="NAME,NAME,...", help="Networks to train and test, comma-separated [the dataset's]."),
    ] = None,
    data: Annotated[
        Optional[list[str]],
        typer.Option(
            metavar="ROLE=NAME", help="Dataset (or path to its card) for a role, e.g. text=pathcap, pool=NAME."
        ),
    ] = None,
    text_dataset: Annotated[Optional[str], typer.Option(help="Do the same as --data text=NAME.")] = None,
    pool_dataset: Annotated[Optional[str], typer.Option(help="Do the same as --data pool=NAME.")] = None,
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
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="List every step, how many are finished, an estimate of the rest, and the smallest difference that "
            "could be found, without running any.",
        ),
    ] = False,
) -> None:
    """Run one method on one dataset: fit, synthesize, score, train and test; then show the leaderboard."""
    from bench.config import Environment, RunRequest
    from bench.config.validate import build
    from bench.errors import ConfigError
    from bench.run.pipeline import run_request
    from bench.suite.count import count_steps

    if (method is None) == (synthetic is None):
        raise ConfigError(
            "Exactly one of --method and --synthetic must be given",
            got="neither" if method is None else f"--method {method} and --synthetic {synthetic}",
            fix="give --method, for example --method diffmix, or --synthetic FOLDER for a synthetic set that exists",
        )
    request = build(
        RunRequest,
        {
            "method": method,
            "synthetic": synthetic,
            "dataset": dataset,
            "data": _roles(data or ()),
            "text_dataset": text_dataset,
            "pool_dataset": pool_dataset,
            "preset": preset,
            **({} if seeds is None else {"seeds": seeds}),
            "generation_seeds": generation_seeds,
            "generator_seeds": generator_seeds,
            "ratios": () if ratios is None else _numbers(ratios),
            "fold": None if fold is None else _fold(fold),
            "protocol": protocol,
            "overrides": tuple(overrides or ()),
            "controls": None if controls is None else tuple(filter(None, controls.split(","))),
            "downstream": None if downstream is None else tuple(filter(None, downstream.split(","))),
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
        },
        "the request",
    )
    if dry_run:
        _plan(request)
        return
    run_request(request, reporter(context), count_steps, _show)


def _show(outcome: Outcome) -> None:
    """Print the leaderboard that a run belongs to, before anything else can take its time."""
    from bench.cli.leaderboard import show

    show(outcome.store, dataset=outcome.dataset, preset=outcome.preset)
    sys.stdout.flush()


def _plan(request: RunRequest) -> None:
    """Print what a run would do."""
    from bench.cli.dry_run import show
    from bench.suite.check import check_runs
    from bench.suite.expand import SuiteRun
    from bench.suite.file import suite_of

    name = str(request.method or request.synthetic)
    check = check_runs([SuiteRun(name, request)])
    if not check.runs:  # the request itself is wrong
        check.stop()
    show(suite_of(request), check)


def _roles(items: Sequence[str]) -> dict[str, str]:
    from bench.config.request import twice
    from bench.errors import ConfigError

    named: dict[str, str] = {}
    for item in items:
        role, separator, name = item.partition("=")
        if not separator or not role or not name:
            raise ConfigError(
                "--data does not have the form ROLE=NAME", got=item, fix="for example --data text=pathcap"
            )
        if named.setdefault(role, name) != name:
            raise twice(role, named[role], name)
    return named


def _numbers(text: str) -> tuple[float, ...]:
    from bench.errors import ConfigError

    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ConfigError("--ratios is not a list of numbers", got=text, fix="for example --ratios 1,1.5,2") from None


def _fold(text: str) -> tuple[int, int]:
    from bench.errors import ConfigError

    k, separator, n = text.partition("/")
    if not separator or not k.isdigit() or not n.isdigit():
        raise ConfigError("--fold does not have the form k/K with two numbers", got=text, fix="for example --fold 1/5")
    return int(k), int(n)
