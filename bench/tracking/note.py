"""The Markdown note at the top of a run's page: what it is, what came out, and where the rest is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench.results.document import RunDocument
from bench.tracking import tables
from bench.tracking.headline import headline
from bench.tracking.names import metric_name
from bench.tracking.record import EXPERIMENT, RUN
from bench.tracking.times import in_words, own_steps

if TYPE_CHECKING:
    from reports.board import Leaderboard

FILES = {
    "leaderboard.html": "the leaderboard, with every remark",
    "leaderboard.json": "the leaderboard as a table",
    "numbers.json": "every number of every arm with its interval",
}


def note_of_run(document: RunDocument, board: Leaderboard, index: int, work: float) -> str:
    """Return the note of a run whose method is row `index` of a board."""
    return "\n\n".join([_opening(document), "\n".join(_numbers(board, index)), _files(), _time(document, work)])


def note_of_arm(document: RunDocument, board: Leaderboard, index: int) -> str:
    """Return the note of one arm."""
    row = board.rows[index]
    role = "a control" if row.is_control else "an arm"
    network = f", tested with {row.downstream}" if row.downstream else ""
    names = [_code(name) for name in (row.title, document.method, document.dataset)]
    said = f"{names[0]} is {role} of a run of {names[1]} on {names[2]}{network}."
    return "\n\n".join([said, "\n".join(_numbers(board, index))])


def _code(name: str) -> str:
    """Return a name as Markdown's code, in which only its own mark has a meaning."""
    return f"`{name.replace('`', chr(39))}`"


def _opening(document: RunDocument) -> str:
    from reports.markdown import escape

    method, dataset = escape(document.method), escape(document.dataset)
    variant = f" ({escape(document.variant)})" if document.variant else ""
    return (
        f"Does synthetic data of **{method}**{variant} help on **{dataset}**? Networks are trained "
        f"on real and synthetic images for equal budgets and tested on real images. Preset {_code(document.preset)}, "
        f"{document.seeds} seed{'s' if document.seeds > 1 else ''}. The run's arms, with its controls, are its child "
        f"runs."
    )


def _numbers(board: Leaderboard, index: int) -> Iterator[str]:
    from reports.verdicts import verdict_text

    row = board.rows[index]
    if row.warning:
        yield f"**{row.warning}**\n"
    words = verdict_text(board, index)
    if words and board.primary_score is not None:
        yield f"**{metric_name(board.primary_score)} against real-only: {', '.join(words)}.**\n"
    yield "| metric | value and 95 % interval | what it is |"
    yield "|---|---|---|"
    for column in headline(board):
        cell = row.cells.get(column)
        better = {"higher": "higher is better", "lower": "lower is better"}.get(column.direction, "")
        what = "difference from real-only" if column.signed else column.about.title if column.about else column.metric
        about = ", ".join(part for part in (what, better if not column.signed else "") if part)
        text = tables.cell_text(cell, column) or "none"
        yield f"| `{metric_name(column)}` | {text} | {about} |"


def _files() -> str:
    place = f"#/experiments/{EXPERIMENT}/runs/{RUN}/artifacts"
    lines = [f"- [{name}]({place}/{name}): {what}" for name, what in FILES.items()]
    return "\n".join([*lines, "- `bench report` writes the report of the store, with pictures"])


def _time(document: RunDocument, work: float) -> str:
    steps = len(document.steps)
    if not document.started:
        return f"{steps} steps, {in_words(work)} of work. An older version did not record the start: it is estimated."
    own = own_steps(document)
    reused = steps - len(own)
    done = sum(timing.seconds for key, timing in document.timings.items() if key in own)
    sessions = "one session" if document.sessions == 1 else f"{document.sessions} sessions"
    said = f"Worked on in {sessions}: {len(own)} steps, {in_words(done)} of work."
    return said if not reused else f"{said} {reused} steps were reused from earlier runs ({in_words(work - done)})."
