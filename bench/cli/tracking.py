"""`bench ui` and `bench export`: show and export the runs in MLflow."""

from __future__ import annotations

from typing import Annotated

import typer

from bench.cli.options import StoreOption, resolve_store
from bench.cli.screen import count_runs


def mount(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("ui")(ui)
    exports = typer.Typer(help="Write results in other forms.", no_args_is_help=True)
    exports.command("mlflow")(export_mlflow)
    app.add_typer(exports, name="export")


def ui(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 chooses a free one.")] = 5000,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    dataset: Annotated[str | None, typer.Option(help="Open the runs of this dataset [that of the last run].")] = None,
    store: StoreOption = None,
) -> None:
    """Show the store's runs in MLflow's pages until Ctrl-C is pressed."""
    from bench.tracking.server import serve

    raise typer.Exit(serve(resolve_store(store), port, browser=browser, dataset=dataset))


def export_mlflow(
    to: Annotated[
        str | None, typer.Option(help="MLflow server or database [BENCH_TRACKING_URI, else SQLite in the store].")
    ] = None,
    models: Annotated[
        bool | None, typer.Option(help="Send the files of trained generators and networks [BENCH_TRACK_MODELS].")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Send the store's runs to MLflow; runs that did not change are kept."""
    from bench.config import Environment
    from bench.errors import MissingError
    from bench.harmless import harmless
    from bench.redact import address
    from bench.results.table import ResultsStore
    from bench.tracking import default_uri, rebuild

    folder = resolve_store(store)
    if not ResultsStore(folder).runs():
        raise MissingError(
            f"There are no results in {folder}", got="an empty store", fix="run `bench run`, or give another --store"
        )
    environment = Environment.read()
    uri = to or environment.tracking_uri
    send = environment.track_models if models is None else models
    counts = rebuild(folder, uri, models=send, warn=lambda text: typer.echo(f"warning: {harmless(text)}", err=True))
    place = address(uri or default_uri(folder))
    typer.echo(f"{place}: {count_runs(counts['logged'])} logged, {counts['kept']} kept", err=True)
