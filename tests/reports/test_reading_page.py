"""The worked example of the page on reading a board is what the code prints of the same rows."""

from __future__ import annotations

from pathlib import Path

from bench.results.table import ScoreRow
from reports.leaderboard import leaderboard
from reports.markdown import render_markdown
from tests import toy_results as toy
from tests.reports.boards import completed

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "reading_a_board.md"
METRICS = ("kd@random-convnet", "pq/image")
PLACES = {"copy": (0.05, "below"), "noise": (312.0, "above"), "diffmix": (4.2, "above"), "mine": (0.31, "below")}


def example() -> list[ScoreRow]:
    """Rows of two methods under three seeds, one of which has drawn from the test split."""
    rows = toy.rows(seeds=3)
    rows += [row for row in toy.rows(method="mine", seeds=3, shift=0.13) if row.method == "mine"]
    made = [completed(row, PLACES) for row in rows if row.metric in METRICS and row.kind != "cost"]
    return [*made, toy.leak(method="mine", value=0.5), toy.leak(value=0.0)]


def test_the_example_is_what_the_code_prints(tmp_path: Path) -> None:
    (board,) = leaderboard(toy.table(tmp_path, example()))
    page = _blank(PAGE.read_text(encoding="utf-8"))
    assert not [line for line in render_markdown(board).splitlines() if _blank(line) not in page]
    for words in ("better", "worse", "equivalent", "undecided"):
        assert f"| {words} |" in page


def _blank(text: str) -> str:
    """Return a text with single blanks between its words, wherever its lines end."""
    return " ".join(text.replace("####", "###").split())
