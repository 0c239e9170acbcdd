"""The order of rows and columns of galleries that several runs fill."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.results.document import RunDocument
from bench.results.evidence import Evidence, Gallery, Picture
from reports.report.galleries import Grid, galleries_of
from reports.report.material import Run


def run(method: str, gallery: Gallery, shown: Sequence[tuple[str, str]], values: Sequence[float | None] = ()) -> Run:
    """A run that shows pictures in rows and columns."""
    pictures = tuple(
        Picture(gallery=gallery, row=row, column=column, file=f"{row}{column}.png", alt=column, value=value)
        for (row, column), value in zip(shown, values or [None] * len(shown), strict=True)
    )
    evidence = Evidence(dataset="d", method=method, variant="", pictures=pictures, confusions=(), balances=())
    return Run(method, RunDocument(dataset="d", method=method, preset="smoke"), Path(method), evidence)


def grid(*runs: Run) -> Grid:
    ((found,),) = [gallery.grids for gallery in galleries_of(runs)]
    return found


def test_what_only_one_run_shows_stands_where_it_stands_there() -> None:
    runs = [run(m, "predictions", [("t", c) for c in ("truth", "real-only", m, "copy", "noise")]) for m in ("a", "b")]
    assert grid(*runs).columns == ["truth", "real-only", "a", "b", "copy", "noise"]
    kinds = [("p", "real"), ("p", "diffmix: enlarging"), ("p", "diffmix: balancing")]
    runs = [run("diffmix", "labels", kinds), run("gradmix", "labels", [("p", "real"), ("p", "gradmix")])]
    assert grid(*runs).columns == ["real", "diffmix: enlarging", "diffmix: balancing", "gradmix"]


def test_rows_that_show_most_come_first_unless_values_order_them() -> None:
    first = run("a", "labels", [("p", "real"), ("p", "a"), ("q", "real"), ("q", "a")])
    second = run("b", "labels", [("q", "real"), ("q", "b"), ("r", "real"), ("r", "b")])
    assert [row.name for row in grid(first, second).rows] == ["q", "p", "r"]
    worst = run("a", "confusions", [("p", "a"), ("q", "a"), ("q", "b")], [0.1, 0.2, 0.2])
    assert [row.name for row in grid(worst).rows] == ["p", "q"]
