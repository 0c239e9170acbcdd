"""`bench data splits` and `bench list protocols`."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.cli.data import app
from bench.cli.listing import listing
from bench.datasets.splits.id_division import read_division
from bench.errors import ConfigError, MissingError
from tests.bench.datasets.layouts import toy_card, write_consep

RUNNER = CliRunner()


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    protocols = {"two": {"folds": 2}, "seeds": {"seeds": 5}}
    card = toy_card("consep", write_consep(tmp_path / "consep"))
    card = type(card).model_validate(card.model_dump() | {"protocols": protocols})
    monkeypatch.setattr("bench.datasets.source.load_card", lambda name: card)
    return tmp_path


def splits(folder: Path, *arguments: str | Path):
    return RUNNER.invoke(app, ["splits", "consep", "--data-root", str(folder), *map(str, arguments)])


def test_a_protocol_is_written_with_its_hash(toy: Path) -> None:
    result = splits(toy, "--protocol", "two", "--out", toy / "out.csv")
    assert result.exit_code == 0, result.output
    division = read_division(toy / "out.csv")
    assert f"sha256 {division.sha256}" in result.stdout
    assert f"# sha256: {division.sha256}\n" in (toy / "out.csv").read_text(encoding="utf-8")
    assert (division.name, division.dataset, len(division.folds)) == ("two", "consep", 2)
    assert all(fold["validation"] and fold["test"] for fold in division.folds)
    again = splits(toy, "--protocol", "two", "--out", toy / "again.csv")
    assert again.stdout.partition(":")[2] == result.stdout.partition(":")[2]


def test_all_protocols_are_written_into_a_folder(toy: Path) -> None:
    assert splits(toy, "--out", toy / "divisions").exit_code == 0
    found = {path.name for path in (toy / "divisions").iterdir()}
    assert found == {"consep-two.csv", "consep-seeds.csv"}
    assert read_division(toy / "divisions" / "consep-seeds.csv").seeds == 5
    refused = splits(toy, "--out", toy / "one.csv")
    assert isinstance(refused.exception, ConfigError)
    assert not (toy / "one.csv").exists()


def test_unknown_protocols_and_absent_data_are_refused(toy: Path, tmp_path: Path) -> None:
    assert "two" in splits(toy, "--protocol", "2folt").exception.fix
    assert isinstance(splits(tmp_path / "nowhere").exception, MissingError)


def test_protocols_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    listing("protocols")
    lines = capsys.readouterr().out.splitlines()
    assert any("consep: hovernet-5fold" in line and "5 folds" in line for line in lines)
