"""The metric that CONTRIBUTING.md shows, as a package of two files: wherever metrics are shown, it is."""

from __future__ import annotations

import dataclasses
import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench import cli, registry
from bench.config import RunRequest
from bench.evaluation import metric_page
from bench.evaluation.registered import known_metrics
from bench.results.table import ResultsStore
from bench.run.pipeline import run_request
from reports.leaderboard import leaderboard
from tests import toy
from tests.bench.formats.labels import formats
from tests.test_contributing import blocks

SECTION = "Add a metric"
ID = "count_error/image"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Install the package by hand: its two files, and the metadata that names its entry point."""
    site = tmp_path_factory.mktemp("site")
    metadata = site / "my_metrics-1.0.dist-info"
    for text in blocks("python", SECTION):
        file = site / text.partition('"""')[2].partition('"""')[0]
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert sorted(file.name for file in (site / "my_metrics").iterdir()) == ["evaluation.py", "metric.py"]
    (toml,) = blocks("toml", SECTION)
    points = tomllib.loads(toml)["project"]["entry-points"]["bench.evaluations"]
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-metrics\nVersion: 1.0\n", encoding="utf-8")
    lines = ["[bench.evaluations]", *(f"{name} = {value}" for name, value in points.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        registry._points.cache_clear()
        yield site
    registry._points.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_metrics"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def store(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one tiny run."""
    folder = tmp_path_factory.mktemp("store")
    asked = {"method": "copy", "dataset": "phantom", "preset": "tiny", "threads": 1, "tracking": False}
    run_request(RunRequest.model_validate({**asked, "store": folder}))
    return folder


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    printed = capsys.readouterr()
    assert not caught.value.code, printed.err
    return str(printed.out)


def test_it_is_listed_with_its_metric(package, monkeypatch, capsys) -> None:
    lines = run(monkeypatch, capsys, "list", "evaluations").splitlines()
    assert [line.split() for line in lines if line.startswith("counts")] == [["counts", ID]]


def test_a_run_has_its_rows_with_intervals_and_differences(store: Path) -> None:
    table = ResultsStore(store).table()
    rows = table[table["metric"] == ID]
    assert set(rows["method"]) >= {"real-only", "copy"}
    scores, differences = rows[rows["kind"] == "score"], rows[rows["kind"] == "difference"]
    assert set(scores["direction"]) == {"lower"}
    assert len(differences) == len(scores) - 1
    assert (scores["value"].notna() | (scores["reason"] != "")).all()
    assert scores["value"].notna().any()
    assert (rows["ci_low"].notna() | (rows["reason"] != "")).all()


def test_it_is_a_column_of_leaderboards(store: Path, monkeypatch, capsys) -> None:
    table, known = ResultsStore(store).table(), known_metrics()
    (board,) = leaderboard(table, known=known)
    names = [column.name for column in board.columns]
    assert names.index("hd95_concatenated/image") < names.index(ID) < names.index("f_d")
    assert ID in [column.name for column in board.main]
    further = {**known, ID: dataclasses.replace(known[ID], main=False, shown_times=100.0)}
    (board,) = leaderboard(table, known=further)
    assert ID not in [column.name for column in board.main]
    assert [column.scale for column in board.columns if column.name == ID] == [100.0]
    shown = run(monkeypatch, capsys, "leaderboard", "--format", "markdown", "--store", str(store))
    assert "count\\_error" in shown


def test_without_its_package_the_column_is_still_among_all(store: Path) -> None:
    (board,) = leaderboard(ResultsStore(store).table())
    assert ID in [column.name for column in board.columns]
    assert ID not in [column.name for column in board.main]


def test_the_page_on_metrics_has_it(package: Path, tmp_path: Path, capsys) -> None:
    metric_page.main([str(tmp_path / "metrics.md")])
    (line,) = (x for x in (tmp_path / "metrics.md").read_text(encoding="utf-8").splitlines() if f"`{ID}`" in x)
    assert "| relative error of counts |" in line
    with pytest.raises(SystemExit) as caught:
        metric_page.main([str(tmp_path / "nowhere" / "metrics.md")])
    assert caught.value.code == 2
    assert "nowhere/metrics.md does not exist" in capsys.readouterr().err


def test_files_are_scored_by_it(package: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    lost = (0, 2, 5)
    expected = []
    for index, n_lost in enumerate(lost):
        _, true, types = toy.tile(index, 64, density=0.01)
        pred = np.where(true > len(types) - n_lost, 0, true)
        formats.write(tmp_path / "true", f"t{index}", formats.consep, true, types)
        formats.write(tmp_path / "pred", f"t{index}", formats.png, pred)
        expected.append(n_lost / len(types))
    asked = ("score", "nuclei", "--true", str(tmp_path / "true"), "--pred", str(tmp_path / "pred"))
    report = json.loads(run(monkeypatch, capsys, *asked, "--json"))
    assert list(report["more"]) == [ID]
    found = report["more"][ID]
    assert found["value"] == pytest.approx(np.mean(expected))
    assert found["ci"][0] <= found["value"] <= found["ci"][1]
    assert found["ci"][0] >= 0
    assert ID in run(monkeypatch, capsys, *asked)
