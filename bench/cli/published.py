"""`bench leaderboard --published`: boards, and the papers' numbers next to theirs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bench.cli.plain import FORMATS, print_tables

if TYPE_CHECKING:
    from reports.board import Leaderboard
    from reports.plain_table import PlainTable
    from reports.published.layout import PublishedTable


def published_beside(boards: Sequence[Leaderboard]) -> tuple[list[PlainTable], list[str]]:
    """Return a table for each board and table of a paper that have numbers of the same arms, and notes on others."""
    from bench.suite.published import published_tables, read_claims
    from reports.published.assumptions import Assumptions
    from reports.published.pairs import compare
    from reports.published.pairs_table import pairs_table

    tables = published_tables()
    found, without = compare(boards, tables, Assumptions(read_claims()))
    return [pairs_table(one) for one in found], list(_notes(without, tables))


def published_of(boards: Sequence[Leaderboard]) -> list[list[PlainTable]]:
    """Return, for each board, a table for each table of a paper that has numbers of its arms."""
    from bench.suite.published import published_tables, read_claims
    from reports.published.assumptions import Assumptions
    from reports.published.pairs import compare
    from reports.published.pairs_table import pairs_table

    tables, assumptions = published_tables(), Assumptions(read_claims())
    return [[pairs_table(one) for one in compare([board], tables, assumptions)[0]] for board in boards]


def print_published(boards: Sequence[Leaderboard], style: str) -> None:
    """Print the tables below boards that were printed; as LaTeX, what is to be said of other boards is a comment."""
    tables, notes = published_beside(boards)
    if style in FORMATS:
        print_tables(tables, style, notes)
        return
    from reports.plain_latex import as_latex

    print("\n".join([*map(as_latex, tables), *(f"% {note}" for note in notes)]))


def _notes(without: Sequence[Leaderboard], tables: Sequence[PublishedTable]) -> Iterator[str]:
    """Yield which boards have no published numbers, and what to run to get comparable ones."""
    for board in without:
        named = [table for table in tables if board.dataset in table.datasets]
        what = f"no arm that was run is in {_listed(named)}" if named else f"nothing is published for {board.dataset}"
        yield f"{board.title}: {what}"
    if without:
        by_dataset = {name: [t for t in tables if name in t.datasets] for table in tables for name in table.datasets}
        listed = "; ".join(f"{name} ({_listed(mine)})" for name, mine in sorted(by_dataset.items()))
        yield f"numbers are published for {listed}"
        yield "to measure them, run the suite of a table, for example `bench suite diffmix_table1`"


def _listed(tables: Sequence[PublishedTable]) -> str:
    return ", ".join(table.layout.name for table in tables)
