"""`bench report` from the command line."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bench.cli import app
from bench.errors import BenchError
from bench.results.table import ResultsStore
from tests.reports.report.toy_report import Run, fill


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["report", *arguments])


@pytest.fixture
def store(tmp_path: Path) -> Path:
    fill(tmp_path / "store", [Run("diffmix", rows=1), Run("sdm", rows=0, fixed={"dataset": "glysac"})])
    return tmp_path / "store"


def test_the_page_lies_in_the_store(store: Path) -> None:
    done = invoke("--store", str(store))
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{store / 'report.html'} (")
    page = (store / "report.html").read_text(encoding="utf-8")
    assert 'id="phantom-smoke-provenance"' in page
    assert 'id="glysac-smoke-provenance"' in page
    assert "Apache-2.0" in page  # the card of the phantom
    assert "a diffusion model that draws images from label maps" in page  # and of a method
    assert sorted(path.name for path in store.iterdir()) == ["report.html", "results"]


def test_one_dataset_has_a_page_of_its_own(store: Path, tmp_path: Path) -> None:
    assert invoke("--store", str(store), "--dataset", "glysac").exit_code == 0
    page = (store / "report-glysac.html").read_text(encoding="utf-8")
    assert 'id="phantom-smoke' not in page
    chosen = tmp_path / "other.html"
    assert invoke("--store", str(store), "--preset", "smoke", "--output", str(chosen)).exit_code == 0
    assert chosen.exists()


def test_the_page_is_opened(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: bool(opened.append(url)))
    done = invoke("--store", str(store), "--open")
    assert opened == [(store / "report.html").as_uri()]
    assert "no browser was found: open the file yourself" in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--store", "{}/empty"], "There are no results"),
        (["--store", "{}/store", "--dataset", "glysak"], "There is no dataset of this name"),
        (["--store", "{}/store", "--preset", "paper"], "There are no results of preset 'paper'"),
        (["--store", "{}/store", "--output", "{}/nowhere/a.html"], "The report cannot be written"),
    ],
)
def test_errors(store: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    done = invoke(*(one.format(tmp_path) for one in arguments))
    assert isinstance(done.exception, BenchError)
    assert done.exception.message.startswith(message)
    assert done.exception.got
    assert done.exception.fix


@pytest.mark.parametrize("name", ["evidence/evidence.json", "curves.jsonl", "usage.json"])
@pytest.mark.parametrize("content", [b"", b"[1]\n", b'{"a": 1}\n', b"\xff\x00"])
def test_what_cannot_be_read_of_a_run_is_named_and_left_out(store: Path, name: str, content: bytes) -> None:
    folder = next(store.glob("results/*/evidence")).parent
    (folder / name).write_bytes(content)
    done = invoke("--store", str(store))
    assert done.exception is None
    assert (store / "report.html").exists()
    empty = name == "curves.jsonl" and not content
    assert (f"a file of results is skipped: A file of a run's results cannot be read: {folder / name}" in done.stderr) \
        is (name != "usage.json" and not empty)  # fmt: skip
    said: list[str] = []
    assert ResultsStore(store, said.append).has(folder.name) is (empty or name.startswith("evidence"))
