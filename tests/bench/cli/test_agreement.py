"""`bench agreement` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from bench.cli import agreement as command
from bench.errors import BenchError
from bench.results.document import RunDocument
from bench.results.table import ResultsStore
from tests import toy_results
from tests.bench.cli.typed import typed

app = typer.Typer()
command.mount(app)


def run(*arguments: object) -> tuple[str, str]:
    return typed(app, *arguments)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    results = ResultsStore(tmp_path)
    for index, method in enumerate(("diffmix", "gradmix")):
        about = {"dataset": "phantom", "preset": "smoke", "method": method}
        document = RunDocument(**about, created=f"2026-01-0{index + 1}T00:00:00+00:00")
        results.write(f"r{index}", toy_results.rows(f"r{index}", method), document)
    return tmp_path


def test_a_small_store_is_undecided(store: Path) -> None:
    out, _ = run("--store", store)
    assert "undecided: the boards have 2 methods" in out


def test_json_and_picture(store: Path, tmp_path: Path) -> None:
    picture = tmp_path / "agreement.svg"
    out, err = run("--store", store, "--format", "json", "--picture", picture)
    (table,) = json.loads(out)["tables"]
    assert {row["gain"] for row in table["rows"]} == {"pq/image"}
    assert picture.read_text(encoding="utf-8").startswith("<?xml")
    assert str(picture) in err


@pytest.mark.parametrize(
    ("arguments", "message", "fix"),
    [
        (["--format", "pdf"], "There is no format", "terminal"),
        (["--picture", "a.gif"], "no ending that says its format", ".svg"),
        (["--picture", "nowhere/a.png"], "The folder of the picture does not exist", "mkdir"),
        (["--primary", "pq"], "There is no metric with differences", "pq/image"),
        (["--dataset", "phantm"], "There is no dataset", "phantom"),
        (["--preset", "paper"], "There are no results of preset 'paper'", "bench run"),
    ],
)
def test_wrong_requests_say_what_to_do(store: Path, arguments: list[str], message: str, fix: str) -> None:
    with pytest.raises(BenchError) as caught:
        run("--store", store, *arguments)
    assert message in caught.value.message
    assert caught.value.got
    assert fix in caught.value.fix


def test_without_a_comparison_there_is_no_gain(store: Path) -> None:
    results = ResultsStore(store)
    for name in results.runs():
        rows = [row for row in toy_results.rows(name) if row.kind != "difference"]
        results.write(name, rows, results.document(name))
    with pytest.raises(BenchError, match="No arm was compared with the baseline"):
        run("--store", store)
