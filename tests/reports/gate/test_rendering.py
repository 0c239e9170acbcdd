"""The outputs of the gate escape what they show, and stay valid."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from reports.gate.compare import Finding, Gate, Outcome
from reports.gate.github import commands
from reports.gate.junit import render_junit
from reports.gate.markdown import render_markdown
from reports.gate.samples import Moved

NASTY = 'a|b <script>"&\x00\x1b\n::error 100%, `c`'


def gate(outcome: Outcome, count: int = 1) -> Gate:
    row = {"kind": "score", "metric": "pq/image", "method": NASTY, "value": "0.5"}
    one = Finding(outcome, row, {**row, "value": "0.25"}, -0.25, 0.01, NASTY, line=3)
    return Gate("dir,a:b/baseline.csv", "now", [one] * count, [NASTY])


@pytest.mark.parametrize("outcome", ["worse", "lost", "missing", "digest", "not comparable", "better", "moved", "new"])
def test_markdown_is_escaped(outcome: Outcome) -> None:
    row = {"dataset": "", "metric": "pq/image", "method": NASTY}
    page = render_markdown(gate(outcome), [Moved(NASTY, row, 0.5, 0.25)])
    assert "<script" not in page
    assert "`" not in page
    tables = [line for line in page.splitlines() if line.startswith("|")]
    widths = {line.replace("\\|", "").count("|") for line in tables}
    assert widths <= {4, 7}
    assert all(line.startswith(("#", "|", "- ")) or "rows of" in line for line in page.splitlines() if line)


@pytest.mark.parametrize("outcome", ["worse", "lost", "missing", "digest", "not comparable", "better", "within"])
def test_junit_is_valid(outcome: Outcome) -> None:
    root = ElementTree.fromstring(render_junit(gate(outcome, 2)))
    suite = root.find("testsuite")
    assert suite is not None
    assert root.get("tests") == suite.get("tests") == str(len(suite.findall("testcase"))) == "2"
    failed, wrong = len(suite.findall("testcase/failure")), len(suite.findall("testcase/error"))
    assert (suite.get("failures"), suite.get("errors")) == (str(failed), str(wrong))
    passing, refused = outcome in ("better", "within"), outcome == "not comparable"
    assert (failed, wrong) == ((0, 0) if passing else (0, 2) if refused else (2, 0))
    name = suite.findall("testcase")[0].get("name", "")
    assert "<script>" in name
    assert "\N{REPLACEMENT CHARACTER}" in name


def test_annotations_are_escaped_and_few() -> None:
    (line,) = commands(gate("missing"))
    assert line.startswith("::error file=dir%2Ca%3Ab/baseline.csv,line=3,title=bench check::pq/image of a|b")
    assert "\n" not in line
    assert "100%25" in line
    found = list(commands(gate("worse", 25)))
    assert len(found) == 10
    assert found[-1].endswith("and 16 more rows")
    assert list(commands(gate("better"))) == []
