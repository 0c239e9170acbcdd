"""What must be said above and below a board, in every format: what it can show, and what it cannot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reports.board import MIN_SEEDS, WARNING, Cell, Leaderboard
from reports.columns import Column
from reports.floors import floor_sizes, standing_line
from reports.numbers import number, same, sole_encoder
from reports.verdicts import STAR

FEWEST_GROUPS = 4
INDEPENDENT = ("slide", "patient")
"""Kinds of groups that can be taken for independent of each other."""


def warnings(board: Leaderboard) -> list[str]:
    """Return what must be read before the table: that it means nothing, or cannot be read, and why."""
    lines = []
    if board.checks_plumbing:
        lines.append("preset tiny: these numbers mean nothing; they only show that the pipeline works")
    if board.unreadable:
        lines.append(f"this table cannot be read, and nothing is marked: {'; '.join(board.unreadable)}")
    return [f"{WARNING} {line}" for line in lines]


def remarks(board: Leaderboard, columns: Sequence[Column] | None = None) -> list[str]:
    """Return remarks on a whole board that is shown with `columns` (all of its columns unless given)."""
    shown = board.columns if columns is None else columns
    return [
        *(f"{WARNING} {doubt}" for doubt in board.doubts),
        *_leaks(board),
        *_seeds(board),
        *_claims(board),
        *_detectable(board),
        *_generators(board),
        *_groups(board),
        *standing_line(board, shown),
        *_left_out(board, shown),
        *_skipped(board),
        *_costs(shown),
        *_outdated(board),
    ]


def subtitle(board: Leaderboard, columns: Sequence[Column]) -> str:
    """Return what all rows share: encoder, number of images compared, network, number of seeds, and test groups."""
    sizes = list(floor_sizes(board, columns))
    networks = [row.downstream for row in board.rows if row.downstream]
    seeds = [row.seeds for row in board.rows]
    parts = [
        sole_encoder(columns),
        f"n={sizes[0]}" if len(sizes) == 1 and sizes[0] is not None else "",
        networks[0] if networks and same(networks) else "",
        f"{seeds[0]} {_plural('seed', seeds[0])}" if seeds and same(seeds) else "",
        f"tested on {groups_of(board)}" if groups_of(board) else "",
    ]
    return " · ".join(part for part in parts if part)


def groups_of(board: Leaderboard) -> str:
    """Return the number of groups behind the scores of networks and what a group is, for example `14 tiles`."""
    cells = [cell for column in _scores(board) for cell in _cells(board, column)]
    numbers = sorted({cell.n_groups for cell in cells if cell.n_groups is not None})
    if not numbers:
        return ""
    kinds = sorted({cell.group_kind for cell in cells} - {""})
    n = str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
    return f"{n} {_plural(kinds[0], numbers[-1]) if len(kinds) == 1 else 'groups'}"


def _leaks(board: Leaderboard) -> Iterator[str]:
    for words in dict.fromkeys(row.leak for row in board.rows if row.leak):
        named = _listed(row.title for row in board.rows if row.leak == words)
        yield f"{WARNING} {words}: {named}; numbers of such an arm prove nothing, and none is marked or bold"
    unchecked = [row.title for row in board.rows if not row.is_control and not row.checked]
    if unchecked:
        yield f"not checked for test images: {_listed(unchecked)}"


def _seeds(board: Leaderboard) -> Iterator[str]:
    tested = [row for row in board.rows if any(_of_networks(at) and c.value is not None for at, c in row.cells.items())]
    seeds = {row.seeds for row in tested or board.rows if row.seeds}
    if min(seeds, default=1) == 1:
        yield "one seed: intervals cover the choice of test groups only; nothing is marked as better"
    elif min(seeds) < MIN_SEEDS:
        yield "fewer than three seeds: nothing is marked as better"
    by_number: dict[str, list[str]] = {}
    for row in board.rows:
        trained = max((c.seeds for column, c in row.cells.items() if _of_networks(column)), default=0)
        if row.distinct < trained:
            about = f"{trained} seeds, but {row.distinct} distinct {_plural('network', row.distinct)}"
            by_number.setdefault(about, []).append(row.title)
    for about, names in by_number.items():
        yield f"{about}, which {'counts once' if about.endswith('network') else 'count once each'}: {_listed(names)}"


def _claims(board: Leaderboard) -> Iterator[str]:
    if board.primary is None or not board.verdicts:
        return
    name, n = board.primary.score_name, len(list(_cells(board, board.primary)))
    arms = f"{n} {_plural('arm', n)}"
    yield f"{name} is the primary metric, the only one that is tested, with Holm's correction for {arms}"
    if {"better", "worse"} & set(board.verdicts.values()):
        yield "▲ better, ▼ worse than real-only: paired interval excludes 0, corrected p < .05, three distinct networks"
    if board.smallest_effect is not None:
        effect = number(board.smallest_effect, board.primary).lstrip("+")
        yield f"equivalent: the interval of the difference is within ±{effect}, the smallest effect of interest"
    if board.best:
        yield f"{STAR} and bold: better than real-only, and not distinguishable from the best such arm"


def _detectable(board: Leaderboard) -> Iterator[str]:
    if board.primary is None:
        return
    cells = {row.title: row.cells[board.primary] for row in board.rows if board.primary in row.cells}
    found = sorted(cell.detectable for cell in cells.values() if cell.detectable is not None)
    if found:
        least, most = (number(value, board.primary).lstrip("+") for value in (found[0], found[-1]))
        size = least if least == most else f"{least} to {most}, depending on the arm"
        name = board.primary.score_name
        yield f"the smallest difference in {name} that this table could have found: {size} (80 % power)"


def _generators(board: Leaderboard) -> Iterator[str]:
    for n in range(1, MIN_SEEDS):
        named = [row.title for row in board.rows if row.generators == n]
        if named:
            these = "this one trained generator" if n == 1 else f"these {n} trained generators"
            yield (
                f"differences hold for {these}, and not for the method: {_listed(named)}; "
                f"--generator-seeds {MIN_SEEDS} trains it again"
            )


def _groups(board: Leaderboard) -> Iterator[str]:
    cells = {column: list(_cells(board, column)) for column in board.main if _of_networks(column)}
    kinds = sorted({cell.group_kind for some in cells.values() for cell in some} - {"", *INDEPENDENT})
    for kind in kinds:
        many = _plural(kind, 2)
        yield f"intervals take {many} for independent; {many} of one slide or patient are alike, so they are too narrow"
    few = {
        column: min(cell.n_effective for cell in some if cell.n_effective is not None)
        for column, some in cells.items()
        if any(cell.n_effective is not None and cell.n_effective < FEWEST_GROUPS for cell in some)
    }
    if few:
        named = ", ".join(f"{' '.join(column.heading())} ({n:.1f})" for column, n in few.items())
        yield f"fewer than four effective groups, too few for an interval to hold: {named}"


def _left_out(board: Leaderboard, shown: Sequence[Column]) -> Iterator[str]:
    """Yield the remark on Fréchet distances that a page-wide table does not show."""
    hidden = [column for column in board.columns if column.is_frechet and column not in shown]
    named = dict.fromkeys(column.metric for column in hidden if board.deficient(column))
    if named:
        why = "with no more images than features, a Fréchet distance rewards low diversity; read kd"
        yield f"not shown here: {_listed(named)}; {why}"


def _skipped(board: Leaderboard) -> Iterator[str]:
    """Yield a remark on how many images the means over images leave out."""
    cells = [cell for row in board.rows for column, cell in row.cells.items() if column.metric == "pq/image"]
    most = max((cell.n_skipped or 0 for cell in cells), default=0)
    if most:
        yield f"means over images leave out up to {most} of {cells[0].n}, without a nucleus in truth and prediction"


def _costs(shown: Sequence[Column]) -> Iterator[str]:
    if any(column.summary for column in shown):
        yield "cost: time of one process under the first seed; training that several arms share counts for each of them"


def _outdated(board: Leaderboard) -> Iterator[str]:
    if board.outdated:
        yield f"{board.outdated} numbers of an older protocol are left out; run again to measure them again"


def _scores(board: Leaderboard) -> list[Column]:
    """Return the primary score, or all scores of networks if there is none."""
    primary = board.primary_score
    return [column for column in board.columns if _of_networks(column)] if primary is None else [primary]


def _of_networks(column: Column) -> bool:
    return column.kind in ("score", "difference") and not column.is_of_images


def _cells(board: Leaderboard, column: Column) -> Iterator[Cell]:
    return (row.cells[column] for row in board.rows if column in row.cells)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _plural(word: str, n: int) -> str:
    if n == 1:
        return word
    return f"{word}es" if word.endswith("ch") else f"{word}s"
