"""`bench study`: pages from sealed sets and a dataset, and the table of their answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.cli.study import app
from bench.errors import ConfigError, DataError, SealError
from bench.results.table import ResultsStore
from reports.study.key import Key
from tests.reports.study.made import answer_file, right, sealed, write

RUNNER = CliRunner()


def run(*arguments: object) -> str:
    result = RUNNER.invoke(app, [str(one) for one in arguments], catch_exceptions=False, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("sets")
    return [sealed(folder / name, name, side=32).folder for name in ("sdm", "diffmix")]


@pytest.fixture(scope="module")
def built(sets: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "study"
    said = run("build", *sets, "--preference", 6, "--turing", 16, "--readers", 2, "--title", "Nuclei", "--out", out)
    assert f"bench study score {out / 'key.json'}" in said
    assert "do not give it to readers" in said
    return out


def test_real_images_are_patches_of_the_test_split(built: Path) -> None:
    key = Key.read(built / "key.json")
    real = [image for image in key.images if image.origin == "real"]
    assert (key.dataset, key.split, key.title, key.methods) == ("phantom", "test", "Nuclei", ("sdm", "diffmix"))
    assert len(real) == len({image.sample for image in real}) == 8
    assert all(image.group.startswith("slide-") for image in real)
    assert sorted(page.name for page in (built / "pages").iterdir()) == ["reader-1.html", "reader-2.html"]


def test_score_prints_tables_and_json_and_records_rows(built: Path, tmp_path: Path) -> None:
    key = Key.read(built / "key.json")
    files = [write(tmp_path / f"{n}.json", answer_file(key, n, right)) for n in (0, 1)]
    assert "taken for real: sdm" in run("score", built / "key.json", *files)
    assert "| accuracy | 1.00 |" in run("score", built / "key.json", *files, "--format", "markdown")
    values = json.loads(run("score", built / "key.json", *files, "--json", "--record", "--store", tmp_path / "store"))
    assert values["numbers"][0]["metric"] == "turing_accuracy"
    assert values["numbers"][0]["value"] == 1
    table = ResultsStore(tmp_path / "store").table()
    assert set(table["metric"]) >= {"turing_accuracy", "preference_share", "taken_for_real", "fleiss_kappa/turing"}
    assert table[table["metric"] == "preference_share"].set_index("method")["value"].to_dict() == {
        "sdm": 0,
        "diffmix": 1,
    }
    (stored,) = (tmp_path / "store" / "results").glob("*/study.json")
    assert json.loads(stored.read_text()) == values


def test_partial_answers_need_permission(built: Path, tmp_path: Path) -> None:
    key = Key.read(built / "key.json")
    path = write(tmp_path / "a.json", answer_file(key, 0, right, stop=9))
    with pytest.raises(DataError, match="not complete"):
        run("score", built / "key.json", path)
    assert "Not all questions were answered by reader-1" in run("score", built / "key.json", path, "--allow-partial")


def test_sets_have_names(sets: list[Path], tmp_path: Path) -> None:
    run("build", f"a={sets[0]}", f"b={sets[0]}", "--preference", 2, "--turing", 0, "--out", tmp_path / "s")
    assert Key.read(tmp_path / "s" / "key.json").methods == ("a", "b")


def test_wrong_requests_are_refused(sets: list[Path], tmp_path: Path) -> None:
    out = ("--out", tmp_path / "s")
    with pytest.raises(ConfigError, match="no sealed set"):
        run("build", tmp_path / "none", sets[0], *out)
    with pytest.raises(ConfigError, match="split of phantom"):
        run("build", *sets, "--split", "tset", "--turing", 16, *out)
    with pytest.raises(ConfigError, match="as many real as synthetic"):
        run("build", *sets, "--turing", 7, *out)
    image = next((sets[0] / "images").iterdir())
    kept = image.read_bytes()
    image.write_bytes((sets[1] / "images" / image.name).read_bytes())
    try:
        with pytest.raises(SealError, match="changed after it was sealed"):
            run("build", *sets, "--turing", 16, *out)
    finally:
        image.write_bytes(kept)
    assert not (tmp_path / "s").exists()
