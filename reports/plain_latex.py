"""Plain tables in LaTeX, with booktabs."""

from __future__ import annotations

from collections.abc import Iterator

from reports.latex import in_latex
from reports.plain_table import Entry, PlainTable


def as_latex(table: PlainTable) -> str:
    """Return a table as a `table` environment; its warnings are above the lines, its remarks below them."""
    return "\n".join(_lines(table)) + "\n"


def _lines(table: PlainTable) -> Iterator[str]:
    yield r"\begin{table}"
    yield rf"\caption{{{in_latex('. '.join([table.title, *table.warnings]))}}}"
    if table.rows:
        yield r"\footnotesize"
        yield rf"\begin{{tabular}}{{{''.join('r' if heading.is_number else 'l' for heading in table.headings)}}}"
        yield r"\toprule"
        yield _row([in_latex(" ".join(heading.title.split())) for heading in table.headings])
        yield r"\midrule"
        yield from (_row([_cell(entry) for entry in row]) for row in table.rows)
        yield r"\bottomrule"
        yield r"\end{tabular}"
    yield from (rf"\par {in_latex(line)}" for line in (*table.notes, *table.remarks))
    yield r"\end{table}"


def _row(cells: list[str]) -> str:
    # an empty group first: a cell that begins with a bracket would be an argument of the line above
    return "{}" + " & ".join(cells) + r" \\"


def _cell(entry: Entry) -> str:
    raised = rf"\textsuperscript{{{entry.letter}}}" if entry.letter else ""
    return in_latex(" ".join(entry.text.split())) + raised
