"""`bench ui` and `bench export`: the runs in MLflow."""

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
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes a free one.")] = 5000,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    store: StoreOption = None,
) -> None:
    """Show the store's runs in MLflow's web page, until Ctrl-C."""
    from bench.tracking.server import serve

    raise typer.Exit(serve(resolve_store(store), port, browser=browser))


def export_mlflow(
    tracking_uri: Annotated[
        str | None, typer.Option(help="MLflow server [BENCH_TRACKING_URI, else SQLite in the store].")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Rebuild the tracking store from results: every run is told to it, unchanged ones are kept."""
    from bench.config import Environment
    from bench.errors import MissingError
    from bench.results.table import ResultsStore
    from bench.tracking import default_uri, rebuild

    folder = resolve_store(store)
    if not ResultsStore(folder).runs():
        raise MissingError(f"expected results in {folder}", got="none", fix="run `bench run`, or name a --store")
    uri = tracking_uri or Environment.read().tracking_uri
    told = rebuild(folder, uri)
    place = (uri or default_uri(folder)).rpartition("@")[2]
    typer.echo(f"{place}: {told['logged']} runs logged, {told['kept']} kept", err=True)
