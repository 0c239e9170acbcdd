"""`bench leaderboard`: show the results of every arm."""

from __future__ import annotations

import io
import sys
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import StoreOption, resolve_store
from bench.cli.published import print_published, published_beside
from bench.cli.screen import console

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reports.board import Leaderboard
    from reports.leaderboard import Claims
    from reports.published.layout import PublishedTable

FORMATS = ("terminal", "markdown", "csv", "latex", "html", "json")
OF_PAPERS = FORMATS[:3]
"""The formats that papers' tables have."""
MOST_BOARDS = 6
"""Of a store with more pairs of dataset and preset, a terminal shows only the newest and names the others."""
SUFFIXES = {".txt": "terminal", ".md": "markdown", ".csv": "csv", ".tex": "latex", ".html": "html", ".json": "json"}


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("leaderboard")(leaderboard)


def leaderboard(
    dataset: Annotated[str | None, typer.Option(help="Show only this dataset.")] = None,
    preset: Annotated[str | None, typer.Option(help="Show only this preset [csv: the newest].")] = None,
    style: Annotated[
        str | None,
        typer.Option("--format", help=f"Format: {', '.join(FORMATS)} [that of the file, or terminal]."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help=f"Write into FILE: {', '.join(SUFFIXES)} name a format.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show every column, including costs.")] = False,
    costs: Annotated[
        bool, typer.Option("--costs", help="Show hours of training and per 1000 images, and peak memory.")
    ] = False,
    folds: Annotated[
        bool, typer.Option("--folds", help="Show each fold of a protocol, too, besides all folds together.")
    ] = False,
    layout: Annotated[
        str | None,
        typer.Option(help="Show a paper's table, measured next to published: paper:NAME, e.g. paper:diffmix-table1."),
    ] = None,
    stand_in: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PAPER=OWN",
            help="Show dataset or metric OWN instead of the paper's, e.g. consep=phantom (with --layout).",
        ),
    ] = None,
    primary: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC",
            help="Test METRIC, e.g. pq/image or f_type[epithelial] [nuclei: pq/image, tissue: accuracy].",
        ),
    ] = None,
    smallest_effect: Annotated[
        float | None,
        typer.Option(min=0.0, help="Call arms equivalent if they differ by less than this [that of the metric]."),
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Show the papers' numbers next to the measured ones, too.")
    ] = False,
    store: StoreOption = None,
) -> None:
    """Show the results of every arm, with intervals, controls and the real-versus-real floor.

    One metric is tested; the others are shown without marks.
    """
    from bench.errors import ConfigError
    from bench.suite.published import find_published, stands_for

    style = _format_of(style, output, OF_PAPERS if layout is not None else FORMATS)
    if layout is not None:
        if published:
            fix = "leave out one of them: --layout shows one paper's table, --published what is known of each board"
            raise ConfigError("--published does not go with --layout", got=layout, fix=fix)
        if dataset is not None or everything or costs or primary is not None or smallest_effect is not None:
            fix = "leave out the other options: the paper's table has its own datasets and columns, and tests nothing"
            raise ConfigError(
                "--layout does not go with --dataset, --all, --costs, --primary or --smallest-effect",
                got=layout,
                fix=fix,
            )
        table = find_published(layout.removeprefix("paper:"))
        with _written_to(output):
            stands = stands_for(stand_in or [])
            show_paper(resolve_store(store), table, preset=preset, stand_in=stands, style=style)
        return
    if stand_in:
        raise ConfigError("--stand-in needs a paper's table", got=stand_in[0], fix="add --layout paper:NAME")
    from reports.leaderboard import Claims

    claims, found = Claims(primary or "", smallest_effect), resolve_store(store)
    others: list[tuple[str, str, int]] = []
    if style == "terminal" and output is None and not published and dataset is None:
        dataset, preset, others = _newest(found, preset)
    boards = load_boards(found, dataset, preset, costs=costs or everything, folds=folds, claims=claims)
    with _written_to(output):
        if published and style == "html":
            _print_page(boards, everything)
            return
        # a program reads one table: as CSV and JSON the published numbers are printed instead of the boards
        if not (published and style in ("csv", "json")):
            print_boards(boards, style, everything=everything, with_dataset=dataset is None)
        if published:
            print_published(boards, style)
    if others:
        _print_others(others)


def _newest(store: Path, preset: str | None) -> tuple[str | None, str | None, list[tuple[str, str, int]]]:
    """Return the dataset and the preset to show of a store that has results of many, and the others with their runs.

    Of a store with few of them, everything is shown.
    """
    from collections import Counter

    from bench.results.table import ResultsStore

    heads = [head for head in ResultsStore(store).heads().values() if preset in (None, head.preset)]
    runs = Counter((head.dataset, head.preset) for head in heads)
    if len(runs) <= MOST_BOARDS:
        return None, preset, []
    shown = heads[-1].dataset, heads[-1].preset
    return *shown, [(*pair, n) for pair, n in sorted(runs.items()) if pair != shown]


def _print_others(others: Sequence[tuple[str, str, int]]) -> None:
    """Print which leaderboards are not shown."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("dataset", overflow="fold")
    table.add_column("preset", overflow="fold")
    table.add_column("runs", justify="right")
    for dataset, preset, runs in others:
        table.add_row(dataset, preset, str(runs))
    screen = console()
    screen.print("not shown; add --dataset NAME and --preset NAME, or --format markdown for all:")
    screen.print(table)


def print_boards(boards: list[Leaderboard], style: str, *, everything: bool = False, with_dataset: bool = True) -> None:
    """Print boards in a format."""
    if style == "csv":
        _print_csv(boards, with_dataset=with_dataset)
    elif style == "markdown":
        from reports.markdown import render_markdown

        print("\n".join(render_markdown(board, everything=everything) for board in boards), end="")
    elif style == "latex":
        from reports.latex import render_latex

        print(render_latex(boards, everything=everything), end="")
    elif style == "html":
        from reports.html import render_html

        print(render_html(boards, everything=everything))
    elif style == "json":
        from reports.json_boards import render_json

        print(render_json(boards), end="")
    else:
        _print_terminal(boards, everything)


def _print_page(boards: list[Leaderboard], everything: bool) -> None:
    from reports.html import render_html

    tables, notes = published_beside(boards)
    print(render_html(boards, everything=everything, tables=tables, notes=notes))


def _format_of(style: str | None, output: Path | None, formats: Sequence[str]) -> str:
    """Return the format that is asked for, or that of the file's suffix."""
    from bench.errors import ConfigError
    from bench.registry import unknown

    if style is None and output is not None:
        style = SUFFIXES.get(output.suffix.lower())
        if style is None:
            fix = f"end its name in {', '.join(SUFFIXES)}, or add --format"
            raise ConfigError("The name of the file does not say its format", got=output.name, fix=fix)
    if style is not None and style not in formats:
        raise unknown("format", style, formats)
    return style or "terminal"


@contextmanager
def _written_to(output: Path | None) -> Iterator[None]:
    """Write what is printed into a file, if one is given."""
    if output is None:
        yield
        return
    text = io.StringIO()
    with redirect_stdout(text):
        yield
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text.getvalue(), encoding="utf-8")
    print(f"wrote {output}")


def show(store: Path, dataset: str | None = None, preset: str | None = None) -> None:
    """Print the newest leaderboard of a dataset and preset."""
    _print_terminal(load_boards(store, dataset, preset)[:1], everything=False)


def show_paper(
    store: Path,
    table: PublishedTable,
    *,
    preset: str | None = None,
    stand_in: Mapping[str, str] | None = None,
    style: str = "terminal",
) -> None:
    """Print a paper's table with the store's numbers next to the published ones.

    Raises:
        ConfigError: a dataset or metric stands for one that the table does not have.
    """
    from bench.results.table import ResultsStore
    from bench.suite.published import check_stand_ins
    from reports.published.table import measure

    check_stand_ins(table, stand_in or {})
    boards = load_boards(store, preset=preset) if ResultsStore(store).runs() else []
    measured = measure(table, boards, stand_in)
    if style == "csv":
        from reports.published.plain_csv import render_csv

        sys.stdout.write(render_csv(measured))
    elif style == "markdown":
        from reports.published.markdown import render_markdown as as_markdown

        print(as_markdown(measured), end="")
    else:
        from reports.published.terminal import render_terminal as as_terminal

        screen = console()
        screen.print(as_terminal(measured, width=screen.width))


def load_boards(
    store: Path,
    dataset: str | None = None,
    preset: str | None = None,
    *,
    costs: bool = False,
    folds: bool = False,
    claims: Claims | None = None,
) -> list[Leaderboard]:
    """Read the store's results and return its leaderboards, newest first.

    Raises:
        MissingError: there are no results, or none of this dataset or preset.
        ConfigError: no arm was compared with the baseline in the metric that is to be tested.
    """
    from bench.evaluation.registered import known_metrics
    from bench.registry import unknown
    from bench.results.table import ResultsStore
    from bench.run.look_alikes import doubts_of
    from reports.leaderboard import leaderboard as build
    from reports.primary import testable

    results = ResultsStore(store)
    heads = results.heads().values()
    rare = {head.dataset: head.rare for head in heads}
    doubts = {head.run: doubts_of(head) for head in heads}
    table = results.table(dataset, preset)
    known = known_metrics()
    chosen = build(
        table, dataset, preset, costs=costs, folds=folds, rare=rare, doubts=doubts, known=known, claims=claims
    )
    if not chosen:
        raise _nothing(store, build(results.table()), dataset, preset)
    tested = {name for board in chosen for name in testable(board.columns)}
    if claims is not None and claims.primary and claims.primary not in tested:
        raise unknown("metric with differences from the baseline", claims.primary, tested)
    return chosen


def _print_csv(boards: list[Leaderboard], *, with_dataset: bool) -> None:
    """Print the newest board of each dataset and its data; rows of different presets are never in one table."""
    from reports.plain_csv import render_csv

    newest: dict[tuple[str, str], Leaderboard] = {}
    for board in boards:
        kept = newest.setdefault((board.dataset, board.data), board)
        if kept is not board:
            print(f"showing {kept.title}; not shown: {board.title}", file=sys.stderr)
    ordered = [newest[name] for name in sorted(newest)]
    sys.stdout.write(render_csv(ordered, with_dataset=with_dataset))


def _print_terminal(boards: list[Leaderboard], everything: bool) -> None:
    from reports.terminal import render_terminal

    screen = console()
    for board in boards:
        screen.print(render_terminal(board, everything=everything, width=screen.width))


def _nothing(store: Path, boards: list[Leaderboard], dataset: str | None, preset: str | None) -> Exception:
    from bench.datasets.card import card_names
    from bench.errors import MissingError
    from bench.registry import unknown

    if dataset is not None and not any(board.dataset == dataset for board in boards):
        known = {board.dataset for board in boards} | set(card_names())
        if dataset not in known:
            return unknown("dataset", dataset, known)
    wanted = " and ".join(
        f"{kind} {name!r}" for kind, name in (("dataset", dataset), ("preset", preset)) if name is not None
    )
    there = "; ".join(board.title for board in boards)
    return MissingError(
        f"There are no results{' of ' + wanted if wanted else ''} in {store}",
        got=f"results of {there}" if there else "an empty store",
        fix=f"run `bench run --method diffmix --dataset {dataset or 'phantom'}`, or give another --store",
    )
