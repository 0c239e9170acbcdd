"""Printing of plain tables in the formats that commands offer."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.cli.screen import console

if TYPE_CHECKING:
    from reports.plain_table import PlainTable

FORMATS = ("terminal", "markdown", "csv", "json")


def print_tables(tables: Sequence[PlainTable], style: str, notes: Sequence[str] = ()) -> None:
    """Print tables and what is to be said below them; with CSV the latter goes to the error output."""
    from reports.plain_rendering import as_csv, as_json, as_markdown, as_terminal

    if style == "csv":
        sys.stdout.write(as_csv(tables))
        for note in notes:
            print(note, file=sys.stderr)
    elif style == "json":
        sys.stdout.write(as_json(tables, notes=list(notes)))
    elif style == "markdown":
        said = "\n".join(f"- {note}" for note in notes)
        print("\n".join([*map(as_markdown, tables), *([f"{said}\n"] if said else [])]), end="")
    else:
        screen = console()
        for table in tables:
            screen.print(as_terminal(table, width=screen.width))
        for note in notes:
            screen.print(note)
