"""`bench data status`: show which datasets are on this machine, and how to get the others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, Optional

import typer

from bench.cli.options import DataRootOption, resolve_data_root
from bench.cli.screen import console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from bench.datasets.card import DatasetCard


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


class Status(NamedTuple):
    """A dataset and its folder on this machine, or how to get it."""

    card: DatasetCard
    group_kind: str
    folder: Path | None
    fix: str


def status(
    names: Annotated[
        Optional[list[str]],
        typer.Argument(metavar="NAME", help="Show only these datasets, in full [all, a line each]."),
    ] = None,
    how: Annotated[bool, typer.Option("--how", help="Show how to get every dataset that is missing.")] = False,
    data_root: DataRootOption = None,
) -> None:
    """Show whether each dataset is on this machine, its task and its licence, a line each; and how to get one."""
    from bench.registry import unknown

    rows = dataset_status(resolve_data_root(data_root))
    screen = console()
    for name in names or ():
        if name not in [row.card.name for row in rows]:
            raise unknown("dataset", name, [row.card.name for row in rows])
    if names:
        _explain([row for row in rows if row.card.name in names], screen)
        return
    screen.print(status_table(rows))
    screen.print()
    _print_remarks(rows, screen)
    missing = [row for row in rows if row.folder is None]
    if how:
        screen.print()
        _explain(missing, screen)
    elif missing:
        screen.print(
            f"how to get one: `bench data status {missing[0].card.name}`, or `bench data status --how` for all",
            soft_wrap=True,
        )


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
            fetch = f"run `bench data get {name}`; or " if card.download else ""
            found.append(Status(card, source.group_kind, None, f"{fetch}{error.fix}"))
    return found


def status_table(rows: Sequence[Status]) -> Table:
    """Return the table of datasets; a line each, in any width."""
    from rich.table import Table
    from rich.text import Text

    from bench.datasets.card import INDEPENDENT

    table = Table(box=None, pad_edge=False, header_style="dim")
    kept = max(len(row.card.name) for row in rows)
    for name, width in (("dataset", kept), ("here", 4), ("task", 6), ("groups", 7), ("preset", 6), ("um/px", 5)):
        table.add_column(name, no_wrap=True, min_width=width, justify="right" if name == "um/px" else "left")
    for name in ("licence", "organ"):  # what is cut off in a narrow terminal
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for card, kind, folder, _ in rows:
        table.add_row(
            Text(card.name, "bold"),
            Text("no", "yellow") if folder is None else Text("yes", "green"),
            card.task,
            Text(kind, "" if kind in INDEPENDENT else "yellow"),
            card.default_preset,
            f"{card.mpp:g}",
            _brief(card.licence),
            card.organ,
        )
    return table


def _print_remarks(rows: Sequence[Status], screen: Console) -> None:
    """Say once which groups are neither slides nor patients."""
    from bench.datasets.card import INDEPENDENT

    kinds = sorted({row.group_kind for row in rows if row.group_kind not in INDEPENDENT})
    if kinds:
        screen.print(
            f"groups that are neither slides nor patients ({', '.join(kinds)}): intervals may be too narrow",
            soft_wrap=True,
        )


def _explain(rows: Sequence[Status], screen: Console) -> None:
    """Print datasets in full; lines are as long as they are, so that addresses can be copied."""
    from bench.datasets.card import INDEPENDENT

    for row in rows:
        card = row.card
        groups = row.group_kind + ("" if row.group_kind in INDEPENDENT else " (intervals may be too narrow)")
        screen.print(card.name, style="bold", end="")
        screen.print(f"  {card.title}", soft_wrap=True)
        screen.print(f"  {card.task}, {card.organ}, {card.mpp:g} um/px, preset {card.default_preset}", soft_wrap=True)
        screen.print(f"  groups: {groups}; licence: {card.licence}", soft_wrap=True)
        for line in row.fix.split("; ") if row.folder is None else [f"here: {row.folder}"]:
            screen.print(f"  {line}", soft_wrap=True)


def _brief(licence: str) -> str:
    """Return the text of a licence up to its first comma, semicolon or bracket."""
    return re.split(r"[,;(]", licence)[0].strip()
