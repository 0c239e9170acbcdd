"""The datasets whose files are paired, by command: status, verification, export, divisions and a run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.cli import app
from bench.errors import MissingError
from bench.results.table import read_rows
from bench.run.pipeline import run_request
from tests.bench.conftest import request
from tests.bench.datasets import layouts_paired
from tests.bench.datasets.layouts_paired import small_card

RUNNER = CliRunner()
WRITERS: dict[str, Callable[[Path], object]] = {
    "lizard": layouts_paired.write_lizard,
    "monuseg": layouts_paired.write_monuseg,
    "nuinsseg": layouts_paired.write_nuinsseg,
    "puma": layouts_paired.write_puma,
}
UNTYPED = ("monuseg", "nuinsseg")


@pytest.fixture(params=sorted(WRITERS))
def name(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a dataset whose files are in `tmp_path`; its card expects no published numbers."""
    found = str(request.param)
    WRITERS[found](tmp_path / found)
    card = small_card(found)
    monkeypatch.setattr("bench.datasets.source.load_card", lambda _: card)
    return found


def data(root: Path, *arguments: str) -> str:
    result = RUNNER.invoke(app, ["data", *arguments, "--data-root", str(root)], env={"COLUMNS": "300"})
    assert result.exit_code == 0, result.output
    return result.stdout


def test_verification_counts_nuclei_and_finds_nothing_wrong(name: str, tmp_path: Path) -> None:
    said = data(tmp_path, "verify", name)
    assert f"{name}: as it should be" in said
    counts = re.findall(r"^train .* nuclei +([\d,]+)", said, re.MULTILINE)
    assert sum(int(n.replace(",", "")) for n in counts) > 0
    tiles = sum(int(n) for n in re.findall(r"^\w+ +tiles +(\d+)", said, re.MULTILINE))
    assert f"\n{tiles} images: {tiles} RGB of 8 bits" in said


def test_status_lists_it_and_splits_are_written(name: str, tmp_path: Path) -> None:
    (line,) = [line for line in data(tmp_path, "status").splitlines() if line.split()[:1] == [name]]
    assert line.split()[1] == "yes"
    assert "sha256" in data(tmp_path, "splits", name, "--out", str(tmp_path / "divisions"))


def test_it_is_exported(name: str, tmp_path: Path) -> None:
    said = data(tmp_path, "export", name, "--format", "hovernet", "--out", str(tmp_path / "out"))
    assert f"images in {tmp_path / 'out' / 'train'}" in said


def test_another_dataset_in_its_place_is_not_taken_for_it(name: str, tmp_path: Path) -> None:
    other = "nuinsseg" if name != "nuinsseg" else "puma"
    (tmp_path / name).rename(tmp_path / "elsewhere")
    WRITERS[other](tmp_path / name)
    with pytest.raises(MissingError) as caught:
        RUNNER.invoke(app, ["data", "verify", name, "--data-root", str(tmp_path)], catch_exceptions=False)
    assert small_card(name).how_to_get in caught.value.fix


@pytest.mark.slow
def test_a_run_gives_scores_of_test_images(name: str, tmp_path: Path) -> None:
    method = "classic" if name in UNTYPED else "gradmix"
    outcome = run_request(request(tmp_path / "store", method=method, dataset=name, data_root=tmp_path))
    rows = read_rows(list((outcome.store / "results").rglob("*.parquet")))
    assert set(rows["dataset"]) == {name}
    scored = rows[(rows["metric"] == "aji/image") & (rows["method"] == method)]
    assert len(scored)
    assert scored["value"].notna().all()
    by_class = set(rows.loc[rows["value"].notna(), "class"]) - {"", "all"}
    assert bool(by_class & set(small_card(name).class_names)) == (name not in UNTYPED)
