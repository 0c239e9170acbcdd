"""What a board says, in words: what was compared, and what came out of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from reports.board import Cell, Leaderboard, Row
from reports.columns import Column
from reports.numbers import interval, number, same
from reports.ranking import corrected
from reports.remarks import groups_of, remarks, warnings
from reports.verdicts import rank_text


class Finding(NamedTuple):
    """What is known of one arm: the verdict (it may be empty) and its difference from the baseline in words."""

    title: str
    network: str
    verdict: str
    words: str
    warning: str = ""


class Summary(NamedTuple):
    """The summary of a board."""

    title: str
    compared: str
    findings: Sequence[Finding]
    warnings: Sequence[str]
    remarks: Sequence[str]


def summary_of(board: Leaderboard) -> Summary:
    """Return the summary of a board."""
    return Summary(board.title, _compared(board), list(_findings(board)), warnings(board), remarks(board))


def p_text(p: float) -> str:
    """Return a p-value as .012, or < .001.

    >>> p_text(0.0123), p_text(0.0001), p_text(1.0)
    ('.012', '< .001', '1.000')
    """
    return "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def metric_title(column: Column) -> str:
    """Return the name of a metric for people, with its class if it has one."""
    name = column.score_name if column.about is None else column.about.title
    return f"{name} of {column.class_}" if column.class_ and column.about is not None else name


def _compared(board: Leaderboard) -> str:
    methods = _named(row for row in board.rows if not row.is_control)
    controls = _named(row for row in board.rows if row.is_control)
    networks = list(dict.fromkeys(row.downstream for row in board.rows if row.downstream))
    seeds = sorted({row.seeds for row in board.rows if row.seeds})
    words = f"{_counted(methods, 'method')} compared with {_counted(controls, 'control')} on {board.dataset}"
    words += f", preset {board.preset}"
    words += f", {_budget(board.budget)}" if board.budget else ""
    words += f". Tested with {_and(networks)}" if networks else ". No network was trained"
    if seeds:
        n = str(seeds[0]) if same(seeds) else f"{seeds[0]} to {seeds[-1]}"
        words += f", {n} {'seed' if seeds[-1] == 1 else 'seeds'} each"
    return f"{words}{f', on {groups_of(board)}' if groups_of(board) else ''}."


def _findings(board: Leaderboard) -> Iterable[Finding]:
    several = not same([row.downstream for row in board.rows if row.downstream])
    p = {} if board.primary is None else corrected(board.rows, board.primary)
    for index, row in enumerate(board.rows):
        if row.is_control:
            continue
        cell = None if board.primary is None else row.cells.get(board.primary)
        verdict = board.verdicts.get(index, "")
        yield Finding(
            row.title,
            row.downstream if several else "",
            verdict or ("leak" if row.leak else "no verdict"),
            _difference(board, cell, p.get(index), rank_text(board, index)),
            row.warning,
        )


def _difference(board: Leaderboard, cell: Cell | None, p: float | None, rank: str) -> str:
    if board.primary is None or cell is None:
        return "not compared with real-only"
    if cell.value is None:
        return f"no difference: {cell.reason}"
    parts = [f"{metric_title(board.primary)} {number(cell.value, board.primary)}"]
    parts += [f"95 % interval {interval(cell, board.primary)}"] if interval(cell, board.primary) else []
    parts += [f"corrected p {p_text(p)}"] if p is not None else []
    return ", ".join([*parts, *([f"rank {rank}"] if rank else [])])


def _budget(text: str) -> str:
    unit, _, amount = text.partition(":")
    return f"{amount} {unit.replace('-', ' ')} per training" if amount else text


def _named(rows: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(row.title for row in rows))


def _counted(names: Sequence[str], word: str) -> str:
    if not names:
        return f"no {word}s"
    return f"{len(names)} {word}{'' if len(names) == 1 else 's'} ({', '.join(names)})"


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
