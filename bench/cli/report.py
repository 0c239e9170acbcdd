"""`bench report`: write one HTML page that shows the results."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from bench.cli.options import StoreOption, resolve_store

if TYPE_CHECKING:
    from reports.report.material import Material


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report)


def report(
    dataset: Annotated[Optional[str], typer.Option(help="Show only this dataset [all of the store].")] = None,
    preset: Annotated[Optional[str], typer.Option(help="Show only this preset [all of the store].")] = None,
    output: Annotated[
        Optional[Path],
        typer.Option(metavar="FILE", help="File to write [report.html in the store; report-NAME.html with --dataset]."),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    store: StoreOption = None,
) -> None:
    """Write one HTML page with tables, charts, pictures and the provenance of all results.

    The page is a single file, which needs no network and runs no script. It can be sent, archived and printed.
    """
    from bench.extras import check_installed
    from reports.report.page import render

    check_installed("great_tables")
    folder = resolve_store(store)
    material = gather(folder, dataset, preset)
    path = (output or folder / _file_name(dataset)).absolute()
    write(path, render(material))
    typer.echo(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
    if show:
        _open(path)


def gather(store: Path, dataset: str | None = None, preset: str | None = None) -> Material:
    """Return what the page of a store, or of one dataset or preset, is made of.

    Raises:
        MissingError: there are no results, or none of this dataset or preset.
    """
    from importlib.metadata import version

    from bench.cli.leaderboard import load_boards
    from bench.cli.published import published_of
    from bench.cli.report_cards import dataset_cards, method_cards
    from bench.evaluation.registered import known_metrics
    from bench.results.table import ResultsStore
    from reports.agreement import predictions
    from reports.agreement_table import agreement_table
    from reports.report.material import Material, read_runs

    boards = load_boards(store, dataset, preset, costs=True)
    results = ResultsStore(store)
    return Material(
        boards,
        read_runs(results),
        results.table(),
        dataset_cards(board.dataset for board in boards),
        method_cards(row.method for board in boards for row in board.rows),
        version("augbench"),
        published_of(boards),
        [agreement_table(one) for one in predictions(results.table(), dataset, preset, known=known_metrics())],
    )


def write(path: Path, page: str) -> None:
    """Write a page to a temporary file and rename it.

    Raises:
        ConfigError: the folder does not exist, or the file cannot be written.
    """
    from bench.atomic import write_text
    from bench.errors import ConfigError

    try:
        write_text(path, page)
    except OSError as error:
        fix = "give --output a file in a folder that exists and that you may write to"
        raise ConfigError("The report cannot be written", got=f"{path}: {error.strerror}", fix=fix) from error


def _file_name(dataset: str | None) -> str:
    """Return the name of the page of a dataset, or of all.

    >>> _file_name("a/b"), _file_name(None)
    ('report-a_b.html', 'report.html')
    """
    return "report.html" if dataset is None else f"report-{re.sub(r'[^A-Za-z0-9._-]', '_', dataset)}.html"


def _open(path: Path) -> None:
    import webbrowser

    if not webbrowser.open(path.as_uri()):
        typer.echo("no browser was found: open the file yourself", err=True)
