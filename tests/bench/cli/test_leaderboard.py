"""`bench leaderboard` and `bench export mlflow` as they are typed."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
import typer

from bench.cli import leaderboard as command
from bench.cli import tracking
from bench.errors import BenchError, ConfigError, MissingError
from bench.results.document import RunDocument
from bench.results.table import ResultsStore, ScoreRow
from tests import toy_results
from tests.bench.cli.typed import typed

app = typer.Typer(rich_markup_mode=None)
command.mount(app)
tracking.mount(app)


def run(*arguments: object) -> tuple[str, str]:
    return typed(app, *arguments)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    results = ResultsStore(tmp_path)
    runs = [
        ("phantom", "tiny", "diffmix", "2026-01-03"),
        ("phantom", "smoke", "diffmix", "2026-01-04"),
        ("consep", "small", "gradmix", "2026-01-01"),
        ("phantom", "smoke", "gradmix", "2026-01-02"),
    ]
    for index, (dataset, preset, method, day) in enumerate(runs):
        rows = toy_results.rows(f"r{index}", method, dataset=dataset, preset=preset)
        document = RunDocument(
            dataset=dataset,
            method=method,
            preset=preset,
            created=f"{day}T00:00:00+00:00",
            rare=("miscellaneous",),
        )
        results.write(f"r{index}", rows, document)
    return tmp_path


def test_csv_shows_the_newest_preset_and_says_what_it_leaves_out(store: Path) -> None:
    out, err = run("leaderboard", "--dataset", "phantom", "--format", "csv", "--store", store)
    read = list(csv.DictReader(io.StringIO(out)))
    assert {line["preset"] for line in read} == {"smoke"}
    assert [line["method"] for line in read] == ["real-only", "copy", "noise", "diffmix", "gradmix"]
    assert "dataset" not in read[0]
    assert "tiny" in err
    out, err = run("leaderboard", "--dataset", "phantom", "--preset", "tiny", "--format", "csv", "--store", store)
    assert {line["preset"] for line in csv.DictReader(io.StringIO(out))} == {"tiny"}
    assert err == ""


def test_csv_of_every_dataset_names_it(store: Path) -> None:
    out, _ = run("leaderboard", "--format", "csv", "--store", store)
    read = list(csv.DictReader(io.StringIO(out)))
    assert [line["dataset"] for line in read] == ["consep"] * 4 + ["phantom"] * 5


def test_terminal_and_markdown_show_every_board(store: Path) -> None:
    for style in ("terminal", "markdown"):
        out, _ = run("leaderboard", "--format", style, "--store", store)
        assert all(title in out for title in ("phantom · smoke", "phantom · tiny", "consep · small"))
        assert "miscellaneous" in out


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_pipe_has_the_width_that_columns_says(store: Path, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    wide = run("leaderboard", "--dataset", "phantom", "--store", store)[0].splitlines()
    monkeypatch.setenv("COLUMNS", str(columns))
    narrow = run("leaderboard", "--dataset", "phantom", "--store", store)[0].splitlines()
    assert max(map(len, narrow)) <= columns < max(map(len, wide))
    # groups of columns move below each other, and no number is cut
    assert {word for line in wide for word in line.split() if word[0].isdigit()} <= set(" ".join(narrow).split())


def test_of_many_boards_a_terminal_shows_the_newest_and_names_the_others(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "MOST_BOARDS", 2)
    out, _ = run("leaderboard", "--store", store)
    shown, _, others = out.partition("not shown; add --dataset NAME")
    assert "phantom · smoke" in shown
    assert "consep" not in shown
    assert [line.split() for line in others.splitlines()[2:]] == [["consep", "small", "1"], ["phantom", "tiny", "1"]]
    # nothing is left out of what was asked for, or of what a program reads
    for asked in (("--dataset", "phantom"), ("--preset", "tiny"), ("--format", "markdown")):
        out, _ = run("leaderboard", *asked, "--store", store)
        assert "phantom · tiny" in out
        assert "not shown; add" not in out


def test_the_name_of_a_file_says_its_format(store: Path) -> None:
    begins = {".md": "###", ".csv": "method,", ".tex": "% ", ".html": "<!doctype", ".json": "{", ".txt": "phantom"}
    for suffix, begin in begins.items():
        file = store / "out" / f"board{suffix}"
        out, _ = run("leaderboard", "--dataset", "phantom", "--output", file, "--store", store)
        assert out == f"wrote {file}\n"
        assert file.read_text(encoding="utf-8").startswith(begin)
    named, printed = store / "board.dat", run("leaderboard", "--format", "json", "--store", store)[0]
    run("leaderboard", "--output", named, "--format", "json", "--store", store)
    assert named.read_text(encoding="utf-8") == printed
    titles = [board["title"] for board in json.loads(printed)["boards"]]
    assert len(titles) == 3
    with pytest.raises(ConfigError, match="does not say its format"):
        run("leaderboard", "--output", "board.pdf", "--store", store)
    with pytest.raises(ConfigError, match="no format of this name"):
        run("leaderboard", "--layout", "paper:diffmix-table1", "--output", "paper.html", "--store", store)


def test_costs_are_columns_on_request(tmp_path: Path) -> None:
    rows = [
        *toy_results.rows("r"),
        ScoreRow(
            run="r",
            kind="cost",
            dataset="phantom",
            preset="smoke",
            method="diffmix",
            metric="synthesize/seconds",
            value=7200.0,
            n=500,
        ),
    ]
    ResultsStore(tmp_path).write("r", rows, RunDocument(dataset="phantom", method="diffmix", preset="smoke"))
    out, _ = run("leaderboard", "--costs", "--format", "markdown", "--store", tmp_path)
    assert "hours on CPU ↓ per 1000 images" in out
    assert "| 4.00 |" in out
    assert "hours on CPU" not in run("leaderboard", "--format", "markdown", "--store", tmp_path)[0]


def test_what_is_not_there_is_an_error_with_a_way_on(store: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(MissingError, match="no results"):
        run("leaderboard", "--store", tmp_path_factory.mktemp("empty"))
    with pytest.raises(ConfigError, match="did you mean 'phantom'"):
        run("leaderboard", "--dataset", "fantom", "--store", store)
    with pytest.raises(MissingError, match="preset 'paper'"):
        run("leaderboard", "--dataset", "phantom", "--preset", "paper", "--store", store)
    with pytest.raises(ConfigError, match="did you mean 'markdown'"):
        run("leaderboard", "--format", "markdwon", "--store", store)


def test_export_and_page_need_results(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="There are no results"):
        run("export", "mlflow", "--store", tmp_path)
    with pytest.raises(BenchError, match="There are no tracked runs"):
        run("ui", "--no-browser", "--store", tmp_path)


def test_another_metric_and_effect_can_be_tested(tmp_path: Path) -> None:
    results = ResultsStore(tmp_path)
    rows = toy_results.rows("r", seeds=3)
    other = [row.model_copy(update={"metric": "f_d"}) for row in rows if row.kind == "difference"]
    results.write("r", [*rows, *other], RunDocument(dataset="phantom", method="diffmix", preset="smoke"))
    out, _ = run("leaderboard", "--store", tmp_path)
    assert "pq/image is the primary metric" in out
    out, _ = run("leaderboard", "--primary", "f_d", "--smallest-effect", "0.05", "--store", tmp_path)
    assert "f_d is the primary metric" in out
    assert "within ±.050" in out
    assert "equivalent" in out
    with pytest.raises(ConfigError, match="did you mean 'f_d'"):
        run("leaderboard", "--primary", "f_dd", "--store", tmp_path)
    with pytest.raises(ConfigError, match="does not go with"):
        run("leaderboard", "--layout", "paper:diffmix-table1", "--primary", "f_d", "--store", tmp_path)


def test_csv_shows_both_datasets_of_one_name(tmp_path: Path) -> None:
    results = ResultsStore(tmp_path)
    for index in range(2):
        rows = toy_results.rows(f"r{index}", data=f"{index}" * 64)
        day = f"2026-01-0{index + 1}T00:00:00+00:00"
        document = RunDocument(dataset="phantom", method="diffmix", preset="smoke", created=day)
        results.write(f"r{index}", rows, document)
    out, err = run("leaderboard", "--format", "csv", "--store", tmp_path)
    assert {line["data"] for line in csv.DictReader(io.StringIO(out))} == {"00000000", "11111111"}
    assert err == ""


def test_published_numbers_are_below_the_boards(store: Path) -> None:
    out, _ = run("leaderboard", "--published", "--store", store)
    assert out.index("phantom · smoke") < out.index(
        "CoNSeP, HoVer-Net: consep · small · 600 steps next to DiffMix, table 1"
    )
    assert "measured at small: not the published protocol" in out
    assert "phantom · smoke · 600 steps: nothing is published for phantom" in out
    assert "bench suite diffmix_table1" in out


def test_published_numbers_as_csv(store: Path) -> None:
    out, err = run("leaderboard", "--published", "--format", "csv", "--store", store)
    read = list(csv.DictReader(io.StringIO(out)))
    assert {(line["dataset"], line["table"], line["protocol"]) for line in read} == {("consep", "diffmix-table1", "no")}
    assert "nothing is published for phantom" in err


def test_published_goes_with_boards_only(store: Path) -> None:
    with pytest.raises(ConfigError, match="--published does not go with --layout"):
        run("leaderboard", "--published", "--layout", "paper:diffmix-table1", "--store", store)


def test_published_numbers_as_a_page_and_as_latex(store: Path, tmp_path: Path) -> None:
    page, paper = tmp_path / "board.html", tmp_path / "board.tex"
    for path in (page, paper):
        run("leaderboard", "--published", "--output", path, "--store", store)
    html, latex = page.read_text(encoding="utf-8"), paper.read_text(encoding="utf-8")
    assert html.count("<main>") == 1
    assert html.index("phantom · smoke") < html.index('<h2 id="published-title">') < html.index("DiffMix, table 1")
    assert "nothing is published for phantom" in html
    tables = latex.split(r"\begin{table}")[1:]
    assert all(table.count(r"\toprule") == table.count(r"\bottomrule") == 1 for table in tables)
    (published,) = [table for table in tables if "DiffMix, table 1" in table]
    lines = [line for line in published.splitlines() if line.endswith(r"\\")]
    assert len(lines) > 3
    assert len({line.count(" & ") for line in lines}) == 1
    assert "% phantom · smoke · 600 steps: nothing is published for phantom" in latex
