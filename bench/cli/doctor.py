"""`bench doctor`: show what this machine can run, and how to get what is missing."""

from __future__ import annotations

import typer

from bench.cli.options import (
    DataRootOption,
    StoreOption,
    WeightsOption,
    resolve_data_root,
    resolve_store,
    resolve_weights,
)


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(store: StoreOption = None, data_root: DataRootOption = None, weights: WeightsOption = None) -> None:
    """Show the devices, store, datasets and weights of this machine, and how to get what is missing."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from bench.plan.machine import examine

    console = Console(highlight=False)
    marks = {True: "[green]ok[/green]", False: "[yellow]missing[/yellow]"}
    for title, findings in examine(resolve_store(store), resolve_data_root(data_root), resolve_weights(weights)):
        table = Table(title=title, title_justify="left", box=None, pad_edge=False, show_header=False)
        table.add_column(no_wrap=True, style="bold")
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for finding in findings:
            fix = "" if finding.ok or not finding.fix else f"\n[dim]{escape(finding.fix)}[/dim]"
            table.add_row(finding.name, marks[finding.ok], escape(finding.text) + fix)
        console.print(table)
        console.print()
