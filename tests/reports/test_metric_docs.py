"""The page on metrics: up to date, complete, and well-formed tables."""

from pathlib import Path

from metrics.table import FAMILIES, METRICS
from reports.metric_docs import render, sections

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == render(), "run python -m bench.evaluation.metric_page docs/metrics.md"


def test_every_metric_is_in_one_table():
    named = [line[0].strip("`") for section in sections() for line in section.lines]
    assert sorted(named) == sorted([*METRICS, *(f"{family}@<encoder>" for family in FAMILIES)])


def test_tables_have_as_many_cells_as_headings():
    rows = [line for line in render().split("## Sets of images")[1].splitlines() if line.startswith("|")]
    assert len(rows) > len(METRICS)
    assert {row.replace("\\|", "").count("|") for row in rows} == {10}
