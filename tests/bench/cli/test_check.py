"""`bench check` as it is typed: every kind of regression, what cannot be compared, and wrong input."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow.parquet as parquet
import pytest
import typer
from typer.testing import CliRunner

from bench.cli import check as command
from bench.errors import BenchError, ConfigError, DataError, MissingError
from bench.results.artefacts import Artefact
from bench.results.document import RunDocument
from bench.results.table import ResultsStore, ScoreRow
from reports.gate.samples import COLUMNS, companion, write_samples
from tests import toy_results

app = typer.Typer()
command.mount(app)
app.callback()(lambda: None)

Which = Callable[[ScoreRow], bool]


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["check", *map(str, arguments)])
    if isinstance(result.exception, BenchError):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def write(store: Path, rows: list[ScoreRow], *, split: str = "abc", plan: str = "def", **fields: Any) -> Path:
    document = RunDocument(
        dataset=rows[0].dataset,
        method="diffmix",
        preset=rows[0].preset,
        splits={"train": split, "test": "fixed"},
        artefacts=(Artefact(kind="set", method="diffmix", stage="synthesize", key="k", plan=plan),),
        **fields,
    )
    ResultsStore(store).write("run-1", rows, document)
    return store


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def is_pq(row: ScoreRow) -> bool:
    return row.kind == "score" and row.metric == "pq/image" and row.method == "diffmix"


def is_fd(row: ScoreRow) -> bool:
    return row.kind == "score" and row.metric == "fd@random-convnet" and row.method == "diffmix" and row.split == "test"


def shifted(rows: Iterable[ScoreRow], which: Which, by: float) -> list[ScoreRow]:
    return [row.model_copy(update={"value": row.value + by}) if which(row) and row.value else row for row in rows]


@pytest.fixture
def baseline(tmp_path: Path) -> Path:
    """A baseline of one seed, as the command writes it."""
    path = tmp_path / "gate" / "baseline.csv"
    code, out, _ = run("--update", path, "--store", write(tmp_path / "old", toy_results.rows()))
    assert code == 0
    assert "no standard error, which needs 5 seeds" in out
    return path


def test_the_same_results_pass(baseline: Path, tmp_path: Path) -> None:
    code, out, _ = run(baseline, "--store", write(tmp_path / "new", toy_results.rows()))
    assert code == 0
    assert "# Regression gate: passed" in out
    assert "no change" in out
    assert "absolute tolerance" in out


def test_a_baseline_has_scores_and_digests_only(baseline: Path) -> None:
    rows = read(baseline)
    assert {row["kind"] for row in rows} == {"score", "digest"}
    assert {(row["metric"], row["split"]): row["digest"] for row in rows if row["digest"]} == {
        ("split", "train"): "abc",
        ("split", "test"): "fixed",
        ("plan", ""): "def",
    }
    assert "set_digest" not in rows[0]


@pytest.mark.parametrize(
    ("which", "by", "worse"),
    [(is_pq, -0.011, True), (is_pq, -0.009, False), (is_pq, 0.2, False), (is_fd, 0.05, True), (is_fd, -3.0, False)],
)
def test_numbers_may_be_worse_by_the_tolerance(
    baseline: Path, tmp_path: Path, which: Which, by: float, worse: bool
) -> None:
    store = write(tmp_path / "new", shifted(toy_results.rows(), which, by))
    code, out, _ = run(baseline, "--store", store)
    assert code == (3 if worse else 0)
    assert ("## Worse: 1" in out) == worse
    assert ("## Better: 1" in out) == (abs(by) > 0.1)


def test_cost_rows_are_ignored(baseline: Path, tmp_path: Path) -> None:
    rows = toy_results.changed(toy_results.rows(), lambda row: row.kind == "cost", value=1e9)
    assert run(baseline, "--store", write(tmp_path / "new", rows))[0] == 0


def test_a_missing_row_fails_and_a_new_one_does_not(baseline: Path, tmp_path: Path) -> None:
    kept = [row for row in toy_results.rows() if not is_pq(row)]
    new = [row.model_copy(update={"metric": "dq/image"}) for row in toy_results.rows() if is_pq(row)]
    code, out, _ = run(baseline, "--store", write(tmp_path / "new", kept))
    assert code == 3
    assert "## Missing rows: 1" in out
    code, out, _ = run(baseline, "--store", write(tmp_path / "newer", toy_results.rows() + new))
    assert code == 0
    assert "## New rows: 1" in out


def test_a_number_that_becomes_a_reason_fails(baseline: Path, tmp_path: Path) -> None:
    rows = toy_results.changed(toy_results.rows(), is_pq, value=None, reason="no nuclei | <b>")
    code, out, _ = run(baseline, "--store", write(tmp_path / "new", rows))
    assert code == 3
    assert "## Without a number now: 1" in out
    assert "no nuclei \\| &lt;b>" in out


@pytest.mark.parametrize("changes", [{"split": "other"}, {"plan": "other"}])
def test_a_changed_digest_of_whole_numbers_fails(baseline: Path, tmp_path: Path, changes: dict[str, str]) -> None:
    code, out, _ = run(baseline, "--store", write(tmp_path / "new", toy_results.rows(), **changes))
    assert code == 3
    assert "## Changed digests: 1" in out


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("preset", "small"),
        ("dataset", "consep"),
        ("protocol", 2),
        ("harness", 2),
        ("encoder", "other weights"),
        ("budget", "40 steps"),
        ("aggregation", "pooled"),
    ],
)
def test_what_cannot_be_compared_says_why(baseline: Path, tmp_path: Path, column: str, value: object) -> None:
    store = write(tmp_path / "new", toy_results.changed(toy_results.rows(), is_fd, **{column: value}))
    junit = tmp_path / "junit.xml"
    if column == "dataset":  # a row of another dataset is a row that the results lack, not a row of other data
        store = write(tmp_path / "new", toy_results.rows(dataset="consep"))
    with pytest.raises(ConfigError, match="cannot be compared") as caught:
        run(baseline, "--store", store, "--junit", junit)
    assert caught.value.exit_code == 2
    assert f"{column}: the baseline" in caught.value.got
    assert str(value) in caught.value.got
    assert ElementTree.parse(junit).find(".//testcase/error") is not None


def test_a_table_of_an_earlier_protocol_is_read_and_refused(baseline: Path, tmp_path: Path) -> None:
    """Tables of the first protocol have neither seeds of generation nor a version of the harness."""
    run("--update", baseline, "--store", write(tmp_path / "second", toy_results.rows(harness=2)))
    store = write(tmp_path / "first", toy_results.rows())
    path = store / "results" / "run-1.parquet"
    table = parquet.read_table(path)
    parquet.write_table(table.drop_columns(["generation", "generations", "harness", "data", "division"]), path)
    document = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**document, "rows_sha256": ""}))
    for options in (("--store", store), ("--current", path)):
        with pytest.raises(ConfigError, match="cannot be compared") as caught:
            run(baseline, *options)
        assert caught.value.exit_code == 2
        assert "harness: the baseline has 2, the results have 1" in caught.value.got


def test_more_seeds_cannot_be_compared_with_fewer(baseline: Path, tmp_path: Path) -> None:
    rows = [row for row in toy_results.rows(seeds=3) if row.seed < 0 or row.kind == "cost"]
    with pytest.raises(ConfigError, match="cannot be compared") as caught:
        run(baseline, "--store", write(tmp_path / "new", rows))
    assert "seeds: the baseline has 1, the results have 3" in caught.value.got


def test_the_newest_of_two_runs_counts(baseline: Path, tmp_path: Path) -> None:
    store = write(tmp_path / "new", toy_results.rows(), created="2026-01-01T00:00:00+00:00")
    worse = shifted(toy_results.rows("run-2"), is_pq, -0.1)
    document = RunDocument(dataset="phantom", method="diffmix", preset="smoke", created="2026-01-02T00:00:00+00:00")
    ResultsStore(store).write("run-2", worse, document)
    assert run(baseline, "--store", store)[0] == 3


def test_noise_within_two_standard_errors_passes(tmp_path: Path) -> None:
    """The five seeds of the toy differ by .004 each: se = sd · √(2/5) = .004."""
    path = tmp_path / "b.csv"
    rows = toy_results.rows(seeds=5)
    run("--update", path, "--store", write(tmp_path / "old", rows), "--tolerance", "0.001")
    (se,) = {row["se"] for row in read(path) if row["metric"] == "pq/image"}
    assert float(se) == pytest.approx(0.004 * 2.5**0.5 * 0.4**0.5)
    for by, code in ((-0.0079, 0), (-0.0081, 3)):
        store = write(tmp_path / f"new{by}", shifted(rows, lambda row: is_pq(row) and row.seed < 0, by))
        assert run(path, "--store", store)[0] == code


def test_tolerances_changed_by_hand_survive_an_update(baseline: Path, tmp_path: Path) -> None:
    rows = read(baseline)
    for row in rows:
        if row["metric"] == "pq/image" and row["method"] == "diffmix":
            row["tolerance"] = "0.05"
    with baseline.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    worse = write(tmp_path / "new", shifted(toy_results.rows(), is_pq, -0.03))
    assert run(baseline, "--store", worse)[0] == 0
    run("--update", baseline, "--store", worse)
    found = {row["tolerance"] for row in read(baseline) if row["metric"] == "pq/image"}
    assert found == {"0.05", "0.01"}
    assert run(baseline, "--store", worse, "--tolerance", "pq/image=0")[0] == 0
    best = write(tmp_path / "best", toy_results.rows())
    run("--update", baseline, "--store", best)
    assert run(baseline, "--store", worse, "--tolerance", "pq/image=0.02")[0] == 3


def test_a_table_is_compared_instead_of_the_store(baseline: Path, tmp_path: Path) -> None:
    store = write(tmp_path / "new", toy_results.rows())
    code, out, _ = run(baseline, "--current", store / "results" / "run-1.parquet")
    assert code == 0
    assert "3 digests of splits and plans were not compared" in out
    assert run(baseline, "--current", baseline)[0] == 0
    with pytest.raises(ConfigError, match="--current does not go with --store"):
        run(baseline, "--current", baseline, "--store", store)


def test_numbers_that_are_not_finite_fail_and_are_never_written(baseline: Path, tmp_path: Path) -> None:
    table = tmp_path / "now.csv"
    lines = baseline.read_text(encoding="utf-8")
    for text, heading in (("nan", "Without a number now"), ("-inf", "Worse")):
        table.write_text(lines.replace(",higher,0.39,", f",higher,{text},"), encoding="utf-8")
        code, out, _ = run(baseline, "--current", table)
        assert code == 3
        assert f"## {heading}: " in out
        with pytest.raises(DataError, match="not a finite number"):
            run("--update", tmp_path / "other.csv", "--current", table)


def test_the_samples_that_moved_most_are_shown(baseline: Path, tmp_path: Path) -> None:
    row = ("phantom", "smoke", "diffmix", "", "hovernet", "pq/image", "")
    before = {(*row, f"tile-{index}"): 0.5 for index in range(20)}
    after = {key: 0.5 - 0.01 * index for index, key in enumerate(before)}
    write_samples(companion(baseline), before)
    table = tmp_path / "now.csv"
    lines = baseline.read_text(encoding="utf-8").splitlines(keepends=True)
    table.write_text("".join(line.replace(",0.39,", ",0.29,") for line in lines), encoding="utf-8")
    write_samples(companion(table), after)
    code, out, _ = run(baseline, "--current", table)
    assert code == 3
    shown = [line.split("|")[1].strip() for line in out.splitlines() if line.startswith("| tile-")]
    assert shown == [f"tile-{index}" for index in range(19, 9, -1)]
    assert companion(baseline).read_text(encoding="utf-8").startswith(",".join(COLUMNS))
    companion(baseline).unlink()
    assert "there is no" in run(baseline, "--current", table)[1]


def test_junit_and_annotations(baseline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    junit, page = tmp_path / "out" / "junit.xml", tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    store = write(tmp_path / "new", shifted(toy_results.rows(), is_pq, -0.1))
    code, out, err = run(baseline, "--store", store, "--junit", junit, "--markdown", page)
    assert code == 3
    assert page.read_text(encoding="utf-8") == out
    suite = ElementTree.parse(junit).getroot().find("testsuite")
    assert suite is not None
    assert suite.get("failures") == "1"
    (failure,) = suite.findall("testcase/failure")
    assert failure.get("message", "").startswith("pq/image of diffmix, hovernet, test is worse: 0.39 before, 0.29 now")
    (line,) = err.splitlines()
    assert line.startswith("::error file=")
    number = int(line.partition(",line=")[2].partition(",")[0])
    assert "pq/image" in baseline.read_text(encoding="utf-8").splitlines()[number - 1]
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert run(baseline, "--store", store)[2] == ""
    assert "::error" in run(baseline, "--store", store, "--github")[2]


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("", DataError, "is empty"),
        ("metric,value\n", DataError, "has no rows"),
        ("method,pq/image,pq/image_low\na,1,2\n", DataError, "is a leaderboard"),
        ("a,b\n1,2\n", DataError, "lacks the column metric and value"),
        ("metric,value\npq/image,nan\n", DataError, "not a finite number"),
        ("metric,value\npq/image,inf\n", DataError, "not a finite number"),
        ("metric,value,se\npq/image,1,-1\n", DataError, "not 0 or a positive number"),
        ("metric,value\npq/image,some\n", DataError, "not a finite number"),
        ("metric,value,seed\npq/image,1,half\n", DataError, "not a finite number"),
        ("metric,value,method\npq/image,1\n", DataError, "as many cells"),
        ("metric,value\n,1\n", DataError, "does not name a metric"),
        ("metric,value,method\npq/image,1,copy\npq/image,2,copy\n", DataError, "the same measurement"),
        ("metric,value\npq/image,0.3\n", ConfigError, "stands for several rows"),
        ("metric,value,value\npq/image,0.3,1\n", DataError, "a column twice"),
    ],
)
def test_a_wrong_baseline_is_an_error_with_a_way_on(
    tmp_path: Path, text: str, error: type[BenchError], said: str
) -> None:
    path = tmp_path / "baseline.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(error, match=said) as caught:
        run(path, "--store", write(tmp_path / "store", toy_results.rows()))
    assert caught.value.got
    assert caught.value.fix


def test_what_is_not_there_is_an_error(baseline: Path, tmp_path: Path) -> None:
    store = write(tmp_path / "store", toy_results.rows())
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(MissingError, match="no table"):
            run(path, "--store", store)
    with pytest.raises(MissingError, match="no results"):
        run(baseline, "--store", tmp_path / "empty")
    with pytest.raises(ConfigError, match="no dataset"):
        run(baseline, "--store", store, "--dataset", "other")
    for wrong in ("x", "-1", "pq/image=", "nan"):
        with pytest.raises(ConfigError, match="not 0 or a positive number"):
            run(baseline, "--store", store, f"--tolerance={wrong}")
    with pytest.raises(ConfigError, match="does not have"):
        run(baseline, "--store", store, "--tolerance", "other=1")
    (tmp_path / "odd.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="cannot be read"):
        run(baseline, "--current", tmp_path / "odd.parquet")
    with pytest.raises(ConfigError, match="compares nothing"):
        run("--update", baseline, "--store", store, "--junit", tmp_path / "j.xml")


def test_a_metric_of_unknown_direction_is_refused(tmp_path: Path) -> None:
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    old.write_text("metric,value\nmine,1\n", encoding="utf-8")
    new.write_text("metric,value\nmine,2\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="which values of mine are better"):
        run(old, "--current", new)
    old.write_text("metric,value,direction\nmine,1,lower\n", encoding="utf-8")
    assert run(old, "--current", new)[0] == 3
    old.write_text("metric,value,direction\nmine,1,none\n", encoding="utf-8")
    code, out, _ = run(old, "--current", new)
    assert code == 0
    assert "## Moved, without a bad direction: 1" in out
