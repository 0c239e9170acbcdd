"""The files of every format: as they were, of the structure that their readers expect, and with every text escaped."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reports.board import Leaderboard
from reports.html import render_html
from reports.json_boards import JsonLeaderboards, render_json, schema_text
from reports.latex import render_latex
from reports.plain_csv import render_csv
from tests.reports.boards import FILES, GOLDEN, HOSTILE, board

ROOT = Path(__file__).resolve().parent.parent.parent
VOID = {"meta", "br"}


@pytest.fixture(scope="module")
def found() -> Leaderboard:
    return board()


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_as_it_was(found: Leaderboard, name: str) -> None:
    stored = (GOLDEN / name).read_text(encoding="utf-8")
    assert FILES[name](found) == stored, "python -m tests.reports.boards"


def tabulars(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of columns of each table, and its lines."""
    pattern = r"\\begin\{tabular\*\}\{\\linewidth\}\{@\{\\extracolsep\{\\fill\}\}([lr]+)\}\n(.*?)\\end\{tabular\*\}"
    for spec, body in re.findall(pattern, text, re.DOTALL):
        yield len(spec), body.splitlines()


def cells(line: str) -> int:
    """Return the number of columns that a line of a table fills."""
    parts = re.split(r"(?<!\\)&", line)
    return sum(int(n[1]) if (n := re.search(r"\\multicolumn\{(\d+)\}", part)) else 1 for part in parts)


def test_latex_tables_are_complete(found: Leaderboard) -> None:
    text = render_latex([found, found], everything=True)
    tables = list(tabulars(text))
    assert len(tables) >= 6
    for n, lines in tables:
        filled = [line for line in lines if re.search(r"\\\\(\[[\d.]+pt\])?\s*$", line)]
        assert len(filled) > len(found.rows)
        assert {cells(line) for line in filled} == {n}
        rules = " ".join(lines)
        assert all(rules.count(rule) == 1 for rule in (r"\toprule", r"\bottomrule"))
        assert r"\midrule" in rules
    for name in ("table", "tabular*", "minipage"):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}") > 0
    assert text.startswith("% \\usepackage{booktabs")


def test_latex_has_only_what_tex_can_set(found: Leaderboard) -> None:
    text = render_latex([found], everything=True)
    assert set(text) - {chr(code) for code in range(128)} <= {"é"}
    assert HOSTILE not in text
    assert r"\textless{}script\textgreater{}alert(1)\textless{}/script\textgreater{} \& 50\%\_\$|*[x](y)" in text
    unescaped = re.sub(r"\\[\\{}&%$#_]", "", text)
    assert unescaped.count("{") == unescaped.count("}")
    assert r"$-$.160 [$-$.175, $-$.145]" in text
    assert r"\textbf{.390}" in text


class Page(HTMLParser):
    """The elements of a page, and whether they are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open += [] if tag in VOID else [tag]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements of a name."""
        return [attributes for name, attributes in self.tags if name == tag]


def test_html_is_one_escaped_page_without_links(found: Leaderboard) -> None:
    text = render_html([found, found])
    page = Page(text)
    assert not {"script", "link", "img", "iframe"} & {name for name, _ in page.tags}
    assert "http" not in text
    assert "url(" not in text
    assert "@import" not in text
    assert HOSTILE in page.text
    assert not [name for _, about in page.tags for name in about if name.startswith("on")]
    ids = [about["id"] for _, about in page.tags if "id" in about]
    assert len(ids) == len(set(ids))


def test_html_tables_say_what_their_cells_are(found: Leaderboard) -> None:
    page = Page(render_html([found]))
    ids = {about.get("id") for _, about in page.tags}
    assert len(page.named("caption")) == len(page.named("table"))
    assert all(about.get("scope") in ("col", "colgroup", "row") for about in page.named("th"))
    assert all(set(str(about["headers"]).split()) <= ids for about in page.named("td"))
    shown = [about["class"] for about in page.named("span") if about.get("class") in ("better", "worse")]
    assert sorted(map(str, shown)) == ["better", "better", "worse"]
    assert page.named("html")[0]["lang"] == "en"


def test_json_follows_its_schema_and_has_no_nan(found: Leaderboard) -> None:
    def refused(name: str) -> None:
        raise AssertionError(name)

    text = render_json([found])
    read = json.loads(text, parse_constant=refused)
    assert JsonLeaderboards.model_validate(read).schema_version == 1
    stored = (ROOT / "docs" / "schemas" / "leaderboard.json").read_text(encoding="utf-8")
    assert stored == schema_text(), "python -m reports.json_boards docs/schemas/leaderboard.json"
    (one,) = read["boards"]
    rows = {row["method"]: row for row in one["rows"]}
    assert one["primary"] == one["columns"][0]["id"] == "pq/image_difference"
    cell = rows["diffmix"]["cells"][one["primary"]]
    assert (cell["value"], cell["low"], cell["verdict"]) == (pytest.approx(0.03), pytest.approx(0.015), "better")
    assert rows["diffmix"]["rank"] == {"value": 1.0, "low": 1.0, "high": 2.0}
    assert rows["diffmix"]["best"]
    assert rows["copy"]["cells"]["fs1/image"]["value"] is None
    assert "shows no mask" in rows["copy"]["cells"]["fs1/image"]["reason"]
    assert rows["real-only"]["rank"] is None
    ids = {column["id"] for column in one["columns"]}
    assert all(set(row["cells"]) <= ids for row in one["rows"])


def test_csv_begins_with_the_difference_that_is_tested(found: Leaderboard) -> None:
    read = list(csv.DictReader(io.StringIO(render_csv([found]))))
    names = list(read[0])
    assert names[names.index("group_kind") + 1] == "pq/image_difference"
    assert {row["method"] for row in read if row["best"] == "★"} == {"diffmix", HOSTILE}


@pytest.mark.parametrize("name", FILES)
def test_tiny_boards_say_above_the_numbers_that_these_mean_nothing(name: str) -> None:
    text = " ".join(FILES[name](board("tiny")).split())
    warning = text.index("these numbers mean nothing")
    assert "better" not in text.replace("--better", "").replace(".better", "").replace("marked as better", "")
    if name != "board.csv":
        assert warning < text.index(".390" if name != "board.json" else '"cells"')
