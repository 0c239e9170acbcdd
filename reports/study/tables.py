"""The results of a study as tables of text, which a terminal, Markdown and the report show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.markdown import escape, table_line
from reports.study.results import OVERALL, Bounds, Number, Share, StudyResults

NAMES = {
    "turing_accuracy": "accuracy",
    "turing_sensitivity": "sensitivity",
    "turing_specificity": "specificity",
    "taken_for_real": "taken for real",
    "preference_share": "preferred",
    "fleiss_kappa/turing": "Fleiss' kappa, Turing test",
    "fleiss_kappa/preference": "Fleiss' kappa, preference",
    "repeat_agreement/turing": "same answer again, Turing test",
    "repeat_agreement/preference": "same answer again, preference",
}
NONE = "–"  # noqa: RUF001  # as other tables show what is missing


class TextTable(NamedTuple):
    """A table: its title, headings, rows of as many cells, and lines below it; the first column is of words."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def text_tables(results: StudyResults) -> Iterator[TextTable]:
    """Yield the tables of a study: numbers, the confusion matrix, and one line per reader."""
    yield TextTable(
        "Numbers",
        ("", "value", "these readers", "p", "other readers", "p", "answers"),
        tuple(_number(number) for number in results.numbers),
        tuple(_notes(results)),
    )
    if results.confusion:
        rows = tuple(
            (
                one.origin,
                str(one.called_real),
                str(one.called_synthetic),
                _percent(one.called_real, one.called_synthetic),
            )
            for one in results.confusion
        )
        yield TextTable("Answers to the Turing test", ("image", "called real", "called synthetic", "real"), rows)
    yield TextTable(
        "Readers",
        (
            "",
            "answered",
            "accuracy",
            "sensitivity",
            "specificity",
            "repeats",
            "median time",
            *_chosen(results),
        ),
        tuple(
            (
                reader.reader,
                f"{reader.answered}/{reader.asked}",
                *map(_share, (reader.accuracy, reader.sensitivity, reader.specificity, reader.repeats)),
                f"{reader.median_seconds:.1f} s",
                *(
                    str(reader.preferences.get(method, NONE))
                    for method in (results.methods if _chosen(results) else ())
                ),
            )
            for reader in results.readers
        ),
        (
            "Intervals are exact (Clopper and Pearson), for one reader and other images that are independent.",
            "Repeats: questions that were asked again, and had the same answer.",
        ),
    )


def title(results: StudyResults) -> str:
    """Return the heading of a study."""
    n = len(results.readers)
    return f"{results.title}: {results.dataset}, {n} reader{'' if n == 1 else 's'}, study {results.study}"


def render_terminal(results: StudyResults) -> RenderableType:
    """Return the tables for a terminal."""
    parts: list[RenderableType] = [Text(title(results), "bold")]
    for table in text_tables(results):
        drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, title=table.title, title_justify="left")
        for place, heading in enumerate(table.headings):
            drawn.add_column(Text(heading), justify="right" if place else "left", no_wrap=not place)
        for row in table.rows:
            drawn.add_row(*map(Text, row))
        parts += [Text(""), drawn, *(Text(line, "dim") for line in table.notes)]
    return Group(*parts, Text(""))


def render_markdown(results: StudyResults) -> str:
    """Return the tables as Markdown."""
    lines = [f"### {escape(title(results))}", ""]
    for table in text_tables(results):
        lines += [f"**{table.title}**", "", table_line(list(map(escape, table.headings)))]
        lines.append(table_line(["---", *("---:" for _ in table.headings[1:])]))
        lines += [table_line(list(map(escape, row))) for row in table.rows]
        lines += ["", *(f"- {escape(line)}" for line in table.notes), ""]
    return "\n".join(lines)


def _number(number: Number) -> tuple[str, ...]:
    name = NAMES[number.metric] + ("" if number.method == OVERALL else f": {number.method}")
    value = NONE if number.value is None else _decimal(number.value)
    cells = (_interval(number.these), _p(number.these), _interval(number.others), _p(number.others))
    return (name, value, *cells, str(number.n))


def _notes(results: StudyResults) -> Iterator[str]:
    if results.partial:
        yield f"Not all questions were answered by {', '.join(results.partial)}."
    if results.numbers:
        groups = max(number.n_groups for number in results.numbers)
        yield f"Intervals of 95 %. These readers: over other images, in up to {groups} groups (slides, where known)."
        yield "Other readers: over other images and other readers; with two or three readers these are very wide."
        yield "p is against chance (.5, or 1 / number of methods), adjusted over methods (Holm)."
        yield "Accuracy: mean of sensitivity (synthetic images recognised) and specificity (real images recognised)."
    if any(number.simultaneous for number in results.numbers):
        yield "Intervals of preference hold for all methods together (Bonferroni)."
    for reason in dict.fromkeys(
        one.reason for number in results.numbers for one in (number.these, number.others) if one.reason
    ):
        yield reason[0].upper() + reason[1:] + "."


def _chosen(results: StudyResults) -> tuple[str, ...]:
    preferred = any(reader.preferences for reader in results.readers)
    return tuple(f"chose {method}" for method in results.methods) if preferred else ()


def _interval(bounds: Bounds) -> str:
    if bounds.low is None or bounds.high is None:
        return NONE
    return f"{_decimal(bounds.low)} to {_decimal(bounds.high)}"


def _p(bounds: Bounds) -> str:
    p = bounds.p if bounds.p_holm is None else bounds.p_holm
    if p is None:
        return ""
    return "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def _share(share: Share | None) -> str:
    if share is None:
        return NONE
    return f"{share.count}/{share.of} ({_decimal(share.low)} to {_decimal(share.high)})"


def _percent(part: int, rest: int) -> str:
    return f"{100 * part / (part + rest):.0f} %" if part + rest else NONE


def _decimal(value: float) -> str:
    return f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 0.995 else f"{value:.2f}"
