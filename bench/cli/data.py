"""`bench data`: list, fetch, verify, divide and export datasets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import data_get, data_splits, data_status, export_data
from bench.cli.options import DataRootOption, resolve_data_root
from bench.cli.verbosity import reporter

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from bench.datasets.checks.verify import VerifyReport

app = typer.Typer(help="Show, fetch, verify, divide and export datasets.", no_args_is_help=True)

STYLES = {"error": "bold red", "warning": "yellow", "info": "dim"}


def mount(parent: typer.Typer) -> None:
    """Add the commands."""
    data_status.mount(app)
    data_get.mount(app)
    export_data.mount(app)
    data_splits.mount(app)
    parent.add_typer(app, name="data")


@app.command("verify")
def verify(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of a dataset, or path to its card.")],
    data_root: DataRootOption = None,
) -> None:
    """Read a whole dataset, compare it with the published counts and list problems; exit with 2 if there are errors."""
    from bench.datasets.checks.verify import verify as verify_source
    from bench.datasets.source import open_source
    from bench.engine.console import HarmlessConsole

    report = verify_source(open_source(name, resolve_data_root(data_root)), reporter(context).progress)
    render_report(report, HarmlessConsole(highlight=False))
    if not report.ok:
        raise typer.Exit(2)


def render_report(report: VerifyReport, console: Console) -> None:
    """Print the counts next to the published ones, the class balance and all findings."""
    from rich.markup import escape

    from bench.imageio import survey_words

    console.print(f"[bold]{escape(report.card.title)}[/bold]\n{escape(report.folder)}", soft_wrap=True)
    for key, value in report.notes.items():
        console.print(escape(f"{key}: {value}"), soft_wrap=True)
    if n := sum(report.rules.values()):
        counts = sorted(report.rules.items(), key=lambda item: -item[1])
        console.print(escape(f"{n} images: {', '.join(f'{m} {rule}' for rule, m in counts)}"), soft_wrap=True)
    if report.encoding:
        console.print(escape(f"encoding: {survey_words(report.encoding)}"), soft_wrap=True)
    table = _table("split", "what", "found", "published", "share")
    for split, what, found, published, share in _count_rows(report):
        table.add_row(escape(split), escape(what), f"{found:,}", "" if published is None else f"{published:,}", share)
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


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in columns:
        table.add_column(name, justify="right" if name in ("found", "published", "share") else "left")
    return table
