"""`bench doctor`: show what this machine can run, and how to get what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from bench.cli.options import (
    DataRootOption,
    StoreOption,
    WeightsOption,
    resolve_data_root,
    resolve_store,
    resolve_weights,
)
from bench.cli.screen import console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from bench.plan.machine import Diagnosis


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(
    names: Annotated[
        Optional[list[str]],
        typer.Argument(metavar="NAME", help="Show only these, in full, with how to get them [everything, in short]."),
    ] = None,
    how: Annotated[bool, typer.Option("--how", help="Show how to get everything that is missing.")] = False,
    store: StoreOption = None,
    data_root: DataRootOption = None,
    weights: WeightsOption = None,
) -> None:
    """Show the devices, store, datasets and weights of this machine, a line each, and how to get what is missing."""
    from bench.plan.machine import examine
    from bench.registry import unknown

    parts = list(examine(resolve_store(store), resolve_data_root(data_root), resolve_weights(weights)))
    screen = console()
    if names:
        known = {finding.name: finding for _, findings in parts for finding in findings}
        for name in names:
            if name not in known:
                raise unknown("thing that the doctor looks at", name, known)
        _explain([one for _, findings in parts for one in findings if one.name in names], screen)
        return
    for title, findings in parts:
        screen.print(title, style="bold")
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            screen.print(_line(finding, width), no_wrap=True, overflow="ellipsis", crop=False)
        screen.print()
    missing = [finding for _, findings in parts for finding in findings if not finding.ok]
    if how:
        _explain(missing, screen)
    elif missing:
        name = next((one.name for one in missing if one.name != "gpu"), missing[0].name)
        screen.print(
            f"how to get what is missing: `bench doctor {name}`, or `bench doctor --how` for everything", soft_wrap=True
        )


def _line(finding: Diagnosis, width: int) -> Text:
    from rich.text import Text

    mark = ("ok", "green") if finding.ok else ("missing", "yellow")
    return Text.assemble((f"{finding.name:<{width}}  ", "bold"), (f"{mark[0]:<7}", mark[1]), f"  {finding.text}")


def _explain(findings: Sequence[Diagnosis], screen: Console) -> None:
    """Print findings in full; lines are as long as they are, so that addresses can be copied."""
    for finding in dict.fromkeys(findings):
        screen.print(_line(finding, len(finding.name)), soft_wrap=True)
        if not finding.ok and finding.fix:
            for line in finding.fix.split("; "):
                screen.print(f"  {line}", soft_wrap=True)
