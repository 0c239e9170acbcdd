"""Agreements of fidelity metrics with gains, as a plain table."""

from __future__ import annotations

from collections.abc import Iterator

from metrics.agreement import FEWEST_ARMS, Agreement
from reports.agreement import Predictions, Predictor
from reports.board import WARNING
from reports.numbers import MISSING, Notes
from reports.plain_table import Entry, Heading, PlainTable, Value

HEADINGS = (
    Heading("metric", "fidelity metric", is_number=False),
    Heading("arms", "methods"),
    Heading("boards", "boards"),
    Heading("tau", "τ"),
    Heading("interval", "95 % interval"),
    Heading("p_holm", "p (Holm)"),
    Heading("verdict", "predicts?", is_number=False),
    Heading("tau_all", "τ with controls"),
)


def agreement_table(found: Predictions) -> PlainTable:
    """Return one row for each fidelity metric, by encoder and split, in reading order."""
    notes = Notes()
    return PlainTable(
        title=title_of(found),
        headings=HEADINGS,
        rows=[_row(one, notes) for one in found.predictors],
        records=[_record(found, one) for one in found.predictors],
        warnings=_warnings(found),
        notes=notes.lines(),
        remarks=list(_remarks(found)),
    )


def title_of(found: Predictions) -> str:
    """Return what is compared with what."""
    return f"Which fidelity metric predicts the gain in {found.gain.score_name}? Preset {found.preset}"


def metric_name(one: Predictor) -> str:
    """Return a metric with its direction, encoder and split in a line."""
    return " ".join(one.column.heading())


def signed(value: float) -> str:
    """Return an agreement as +.45 or -1.00.

    >>> signed(0.451), signed(-1.0), signed(0.0)
    ('+.45', '-1.00', '+.00')
    """
    text = f"{value:+.2f}"
    return text.replace("0.", ".", 1)


def interval_text(agreement: Agreement) -> str:
    """Return an interval as [-.20, +.90]; empty if there is none."""
    return "" if agreement.reason else f"[{signed(agreement.low)}, {signed(agreement.high)}]"


def _warnings(found: Predictions) -> list[str]:
    """Return that nothing is decided, where no metric has an interval."""
    if any(not one.methods.reason for one in found.predictors):
        return []
    most = max((one.methods.n for one in found.predictors), default=0)
    counted = f"{most} {'method' if most == 1 else 'methods'}"
    return [
        f"{WARNING} undecided: the boards have {counted}, and it takes at least {FEWEST_ARMS}, controls not counted"
    ]


def _row(one: Predictor, notes: Notes) -> list[Entry]:
    methods = one.methods
    letter = notes.mark(f"no interval over methods: {methods.reason}") if methods.reason else ""
    return [
        Entry(metric_name(one)),
        Entry(str(methods.n)),
        Entry(str(methods.boards)),
        Entry(_tau(methods)),
        Entry(interval_text(methods) or MISSING, letter),
        Entry(MISSING if one.p_holm is None else _p(one.p_holm)),
        Entry(one.verdict),
        Entry(_tau(one.all_arms)),
    ]


def _tau(agreement: Agreement) -> str:
    return MISSING if agreement.tau != agreement.tau else signed(agreement.tau)


def _p(value: float) -> str:
    return "<.001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def _record(found: Predictions, one: Predictor) -> dict[str, Value]:
    column = one.column
    record: dict[str, Value] = {
        "preset": found.preset,
        "gain": found.gain.score_name,
        "metric": column.metric,
        "encoder": column.encoder,
        "split": column.split,
        "direction": column.direction,
    }
    for suffix, agreement in (("", one.methods), ("_all", one.all_arms)):
        record |= {f"arms{suffix}": agreement.n, f"boards{suffix}": agreement.boards}
        numbers = {"tau": agreement.tau, "low": agreement.low, "high": agreement.high, "p": agreement.p}
        record |= {name + suffix: None if value != value else value for name, value in numbers.items()}
    of_boards = {board: one.on(board).tau for board in found.boards}
    listed = "; ".join(f"{board}: {tau:.3f}" for board, tau in of_boards.items() if tau == tau)
    last = {"p_holm": one.p_holm, "verdict": one.verdict, "missing": one.n_missing}
    return record | last | {"of_boards": listed, "reason": one.methods.reason}


def _remarks(found: Predictions) -> Iterator[str]:
    if not found.predictors:
        yield "no arm has both a fidelity metric and a difference from the baseline"
    else:
        yield f"boards: {'; '.join(found.boards)}"
        yield (
            "τ: Kendall's τ-b of the order of methods by the metric and by their gain, within boards; + means that "
            "better fidelity goes with a greater gain"
        )
        yield (
            "interval: over methods (the same method on several boards counts as one); other methods may agree less or "
            f"more. With fewer than {FEWEST_ARMS} methods there is none, and nothing is decided"
        )
        yield (
            f"predicts: the interval excludes 0, and p < .05 after Holm's correction for {len(found.predictors)}; "
            "controls are not counted, since any metric sees that noise is bad"
        )
    for text, count in sorted(found.missing.items(), key=lambda item: -item[1]):
        yield f"{count} {'number' if count == 1 else 'numbers'} missing: {text}"
    yield from (f"left out: {line}" for line in found.left_out)
    if found.outdated:
        yield f"left out: {found.outdated} rows of an older version of their metric"
