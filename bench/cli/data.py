"""`bench data`: list, verify, divide and export datasets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from bench.cli import data_splits, export_data
from bench.cli.options import DataRootOption, resolve_data_root

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from bench.datasets.card import DatasetCard
    from bench.datasets.checks.verify import VerifyReport

app = typer.Typer(help="Show, verify, divide and export datasets.")

STYLES = {"error": "bold red", "warning": "yellow", "info": "dim"}


def mount(parent: typer.Typer) -> None:
    """Add the commands."""
    export_data.mount(app)
    data_splits.mount(app)
    parent.add_typer(app, name="data")


class Status(NamedTuple):
    """A dataset and its folder on this machine, or how to get it."""

    card: DatasetCard
    group_kind: str
    folder: Path | None
    fix: str


@app.command("status")
def status(data_root: DataRootOption = None) -> None:
    """Show all datasets: whether each is on this machine, its task and licence, and how to get it."""
    from rich.console import Console

    render_status(dataset_status(resolve_data_root(data_root)), Console(highlight=False))


@app.command("verify")
def verify(
    name: Annotated[str, typer.Argument(help="Name of a dataset, or path to its card.")],
    data_root: DataRootOption = None,
) -> None:
    """Read a whole dataset, compare it with the published counts and list problems; exit with 2 if there are errors."""
    from rich.console import Console

    from bench.datasets.checks.verify import verify as verify_source
    from bench.datasets.source import open_source
    from bench.engine.reporter import Reporter

    report = verify_source(open_source(name, resolve_data_root(data_root)), Reporter().progress)
    render_report(report, Console(highlight=False))
    if not report.ok:
        raise typer.Exit(2)


def dataset_status(data_root: Path | None) -> list[Status]:
    """Return whether each dataset that ships a card is on this machine; only folder names are read."""
    from bench.datasets.card import card_names, load_card
    from bench.datasets.source import source_of
    from bench.errors import MissingError

    found = []
    for name in card_names():
        card = load_card(name)
        if card.generic:
            continue
        source = source_of(card, data_root)
        try:
            found.append(Status(card, source.group_kind, source.locate(), ""))
        except MissingError as error:
            found.append(Status(card, source.group_kind, None, error.fix))
    return found


def render_status(rows: list[Status], console: Console) -> None:
    """Print a table of datasets, and below it how to get the missing ones."""
    from rich.markup import escape

    from bench.datasets.card import INDEPENDENT

    table = _table("dataset", "here", "task", "groups", "organ", "um/px", "preset", "licence")
    for card, kind, folder, _ in rows:
        here = "[green]yes[/green]" if folder is not None else "[yellow]no[/yellow]"
        groups = kind if kind in INDEPENDENT else f"[yellow]{kind}[/yellow]"
        values = (card.organ, f"{card.mpp:g}", card.default_preset, _brief(card.licence))
        table.add_row(f"[bold]{escape(card.name)}[/bold]", here, card.task, groups, *map(escape, values))
    for column in table.columns:
        column.no_wrap = column.header not in ("organ", "licence")
    console.print(table)
    licences = [
        (row.card.name, f"licence: {row.card.licence}") for row in rows if _brief(row.card.licence) != row.card.licence
    ]
    remedies = [(row.card.name, row.fix) for row in rows if row.folder is None]
    narrow = [
        (row.card.name, f"a group is a {row.group_kind}, not a slide or patient: intervals may be too narrow")
        for row in rows
        if row.group_kind not in INDEPENDENT
    ]
    for notes in (licences, narrow, remedies):
        console.print()
        # datasets that share a download share a line
        for text in dict.fromkeys(text for _, text in notes):
            names = ", ".join(name for name, said in notes if said == text)
            console.print(f"[bold]{escape(names)}[/bold]: {escape(text)}", soft_wrap=True)


def render_report(report: VerifyReport, console: Console) -> None:
    """Print the counts next to the published ones, the class balance and all findings."""
    from rich.markup import escape

    console.print(f"[bold]{escape(report.card.title)}[/bold]\n{escape(report.folder)}", soft_wrap=True)
    for key, value in report.notes.items():
        console.print(escape(f"{key}: {value}"), soft_wrap=True)
    table = _table("split", "what", "found", "published", "share")
    for split, what, found, published, share in _count_rows(report):
        table.add_row(split, escape(what), f"{found:,}", "" if published is None else f"{published:,}", share)
    console.print(table)
    for item in report.findings:
        style = STYLES[item.severity]
        text = escape(f"{item.file}: {item.message}")
        console.print(f"[{style}]{item.severity}[/{style}]  {text}", soft_wrap=True)
    n = sum(item.severity == "error" for item in report.findings)
    verdict = "[green]as it should be[/green]" if report.ok else f"[bold red]errors: {n}[/bold red]"
    console.print(f"{escape(report.card.name)}: {verdict}; other findings: {len(report.findings) - n}")


def _count_rows(report: VerifyReport) -> Iterator[tuple[str, str, int, int | None, str]]:
    for split, counts in report.splits.items():
        expected = report.card.expected.get(split)
        yield split, "tiles", counts.tiles, expected.tiles if expected else None, ""
        yield split, "groups", counts.groups, None, ""
        for (height, width), n in sorted(counts.shapes.items()):
            yield split, f"tiles of {height} x {width} px", n, None, ""
        nuclei, labels = (expected.nuclei, expected.labels) if expected else ({}, {})
        for kind, content, published in (("nuclei", counts.nuclei, nuclei), ("images", counts.labels, labels)):
            total = sum(content.values())
            for name, n in content.items():
                yield split, f"{name} {kind}", n, published.get(name), f"{n / total:.1%}" if total else ""


def _brief(licence: str) -> str:
    """Return the text of a licence up to its first comma, semicolon or bracket."""
    return re.split(r"[,;(]", licence)[0].strip()


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in columns:
        table.add_column(name, justify="right" if name in ("found", "published", "share", "um/px") else "left")
    return table
