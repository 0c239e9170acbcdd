"""`bench ui` and `bench export`: show and export the runs in MLflow."""

from __future__ import annotations

from typing import Annotated

import typer

from bench.cli.options import StoreOption, resolve_store


def mount(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("ui")(ui)
    exports = typer.Typer(help="Write results in other forms.", no_args_is_help=True)
    exports.command("mlflow")(export_mlflow)
    app.add_typer(exports, name="export")


def ui(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 chooses a free one.")] = 5000,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    store: StoreOption = None,
) -> None:
    """Show the store's runs in MLflow's web page until Ctrl-C is pressed."""
    from bench.tracking.server import serve

    raise typer.Exit(serve(resolve_store(store), port, browser=browser))


def export_mlflow(
    tracking_uri: Annotated[
        str | None, typer.Option(help="MLflow server [BENCH_TRACKING_URI, else SQLite in the store].")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Rebuild the tracking database from results; runs that did not change are kept."""
    from bench.config import Environment
    from bench.errors import MissingError
    from bench.results.table import ResultsStore
    from bench.tracking import default_uri, rebuild

    folder = resolve_store(store)
    if not ResultsStore(folder).runs():
        raise MissingError(
            f"There are no results in {folder}", got="an empty store", fix="run `bench run`, or give another --store"
        )
    uri = tracking_uri or Environment.read().tracking_uri
    counts = rebuild(folder, uri)
    place = (uri or default_uri(folder)).rpartition("@")[2]
    typer.echo(f"{place}: {counts['logged']} runs logged, {counts['kept']} kept", err=True)
