"""Comparisons of boards with published tables, as plain tables."""

from __future__ import annotations

from collections.abc import Sequence

from reports.board import WARNING
from reports.numbers import MISSING, Notes
from reports.plain_table import Entry, Heading, PlainTable, Value
from reports.published.assumptions import assumption_lines
from reports.published.claims import Ranged
from reports.published.layout import DATASET, DOWNSTREAM, SPLIT
from reports.published.pairs import Comparison, Pair
from reports.published.pivot import metric_title, text_of
from reports.published.table import PAPER
from reports.remarks import warnings

HEADINGS = (
    Heading("arm", "arm", is_number=False),
    Heading("metric", "metric", is_number=False),
    Heading("measured", "measured"),
    Heading("published", "paper"),
    Heading("difference", "difference"),
    Heading("within", "within interval?", is_number=False),
    Heading("gain", "paper's gain"),
    Heading("false_claim", "P(false claim)"),
    Heading("of_images", "of images only"),
)
_LEAST = 0.01


def pairs_table(comparison: Comparison) -> PlainTable:
    """Return one comparison: a row for each published number of an arm that was run."""
    notes = Notes()
    return PlainTable(
        title=_title(comparison),
        headings=HEADINGS,
        rows=[_row(comparison, pair, notes) for pair in comparison.pairs],
        records=[_record(comparison, pair) for pair in comparison.pairs],
        lead=2,
        warnings=[*_protocol(comparison), *warnings(comparison.board)],
        notes=notes.lines(),
        remarks=list(_remarks(comparison)),
    )


def probability(value: float) -> str:
    """Return a probability with two digits.

    >>> probability(0.0283), probability(0.004), probability(0.996)
    ('.03', '<.01', '>.99')
    """
    if value < _LEAST:
        return "<.01"
    return ">.99" if value > 1 - _LEAST else text_of(value, 2)


def _title(comparison: Comparison) -> str:
    layout, board = comparison.layout, comparison.board
    names = [layout.title_of(DATASET, board.dataset)]
    names += [layout.title_of(DOWNSTREAM, comparison.network)] if comparison.network else []
    return f"{', '.join(names)}: {board.title} next to {layout.title}"


def _protocol(comparison: Comparison) -> list[str]:
    """Return the warning on numbers that were not measured with the settings of the paper."""
    board, layout = comparison.board, comparison.layout
    if comparison.is_protocol:
        return []
    how = (
        f"at {board.preset}"
        if board.preset != PAPER
        else f"for {board.budget}, and the paper's budget is {layout.budget}"
    )
    return [f"{WARNING} measured {how}: not the published protocol, so that differences say nothing about the paper"]


def _row(comparison: Comparison, pair: Pair, notes: Notes) -> list[Entry]:
    digits = comparison.layout.metrics[pair.metric].digits
    doubt = pair.doubt
    gain = MISSING if doubt.gain is None else _signed(doubt.gain, digits)
    claimed = MISSING if doubt.reason or doubt.probability else ""
    letter = notes.mark(doubt.reason) if doubt.reason else ""
    return [
        Entry(pair.row.title, notes.mark(pair.row.warning) if pair.row.warning else ""),
        Entry(_metric(comparison, pair)),
        _measured(pair, digits, notes),
        Entry(text_of(pair.printed), notes.mark(pair.remark) if pair.remark else ""),
        Entry(MISSING if pair.difference is None else _signed(pair.difference, digits)),
        Entry({True: "yes", False: "no", None: MISSING}[pair.within]),
        Entry(gain if claimed else ""),
        Entry(_range(doubt.probability) or claimed, letter),
        Entry(_range(doubt.of_images) or claimed),
    ]


def _measured(pair: Pair, digits: int, notes: Notes) -> Entry:
    cell = pair.cell
    if cell is None:
        return Entry(MISSING, notes.mark("not measured in these runs"))
    letter = notes.mark(cell.reason) if cell.reason else ""
    if cell.value is None:
        return Entry(MISSING, letter)
    value = text_of(cell.value, digits)
    if cell.low is None or cell.high is None:
        return Entry(value, letter)
    return Entry(f"{value} ({text_of(cell.low, digits)}{MISSING}{text_of(cell.high, digits)})", letter)


def _metric(comparison: Comparison, pair: Pair) -> str:
    layout = comparison.layout
    across = [key for key in layout.across if key not in (DATASET, DOWNSTREAM)]
    scope = [f"vs {layout.title_of(key, pair.line.keys.get(key, ''))}" for key in across if key == SPLIT]
    return " ".join([metric_title(layout, pair.metric), *scope])


def _signed(value: float, digits: int) -> str:
    return ("+" if value >= 0 else "") + text_of(value, digits)


def _range(probabilities: Ranged | None) -> str:
    if probabilities is None:
        return ""
    optimistic, assumed, pessimistic = map(probability, probabilities)
    return f"{assumed} ({optimistic}{MISSING}{pessimistic})"


def _record(comparison: Comparison, pair: Pair) -> dict[str, Value]:
    board, cell, doubt = comparison.board, pair.cell, pair.doubt
    record: dict[str, Value] = {
        "dataset": board.dataset,
        "preset": board.preset,
        "budget": board.budget,
        "division": board.division,
        "fold": board.fold,
        "table": comparison.layout.name,
        "network": pair.row.downstream,
        "arm": pair.row.title,
        "paper_arm": comparison.layout.arm(pair.line.keys),
        "metric": pair.metric,
        "split": pair.line.keys.get(SPLIT, ""),
        "seeds": None if cell is None else cell.seeds,
        "measured": None if cell is None else cell.value,
        "low": None if cell is None else cell.low,
        "high": None if cell is None else cell.high,
        "published": pair.published,
        "difference": pair.difference,
        "within": pair.within,
        "gain": doubt.gain,
    }
    for name, probabilities in (("false_claim", doubt.probability), ("of_images", doubt.of_images)):
        for part in ("", "_low", "_high"):
            record[name + part] = None
        if probabilities is not None:
            record[name], record[f"{name}_low"], record[f"{name}_high"] = (
                probabilities.assumed,
                probabilities.optimistic,
                probabilities.pessimistic,
            )
    reasons = [
        pair.row.warning,
        "not measured in these runs" if cell is None else cell.reason,
        pair.remark,
        doubt.reason,
    ]
    return record | {"protocol": comparison.is_protocol, "remark": "; ".join(filter(None, reasons))}


def _remarks(comparison: Comparison) -> Sequence[str]:
    absent = comparison.absent
    return [
        *([f"arms of the paper that were not run here: {', '.join(absent)}"] if absent else []),
        "within interval?: whether the paper's number is in the measured 95 % interval; a number outside may agree, "
        "since the paper's own error is not known",
        *assumption_lines([pair.doubt for pair in comparison.pairs]),
        f"paper: {comparison.layout.paper}",
        *comparison.layout.notes,
    ]
