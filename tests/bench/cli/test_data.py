"""`bench data`: status of all datasets, verification of one, exit codes."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from bench.cli.data import app, dataset_status
from bench.errors import ConfigError, MissingError
from tests.bench.datasets.layouts import toy_card, write_consep

RUNNER = CliRunner()


@pytest.fixture
def toy(tmp_path, monkeypatch):
    card = toy_card("consep", write_consep(tmp_path / "consep"))
    monkeypatch.setattr("bench.datasets.source.load_card", lambda name: card)
    return tmp_path


def test_status_shows_what_is_here_and_how_to_get_the_rest(tmp_path) -> None:
    write_consep(tmp_path / "consep")
    rows = {row.card.name: row for row in dataset_status(tmp_path)}
    assert rows["consep"].folder == tmp_path / "consep"
    assert rows["glysac"].folder is None
    result = RUNNER.invoke(app, ["status", "--data-root", str(tmp_path)], env={"COLUMNS": "300"})
    assert result.exit_code == 0
    assert "1g1_xYFWgp3cRLKrlSwD2U5JDjooC0yHp" in result.stdout
    lines = {line.split()[0]: line.split()[1] for line in result.stdout.splitlines() if line.split()}
    assert (lines["consep"], lines["glysac"], lines["phantom"]) == ("yes", "no", "yes")


def test_status_is_a_short_table_at_100_columns_and_says_each_remedy_once(tmp_path) -> None:
    result = RUNNER.invoke(app, ["status", "--data-root", str(tmp_path)], env={"COLUMNS": "100"})
    rows = dataset_status(tmp_path)
    table = result.stdout.split("\n\n")[0].splitlines()
    assert {row.card.name for row in rows} < {line.split()[0] for line in table}
    assert len(table) <= len(rows) + 4  # few lines wrap
    assert all(len(line) <= 100 for line in table)
    assert "\u2026" not in result.stdout  # nothing is cut off
    assert "nuclei-folder" not in result.stdout
    assert sum(line.startswith("pannuke") for line in result.stdout.split("\n\n")[1:]) <= 1


def test_verify_prints_counts_and_exits_0_on_a_sound_dataset(toy) -> None:
    result = RUNNER.invoke(app, ["verify", "consep", "--data-root", str(toy)], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert "classes_merged: raw" in result.stdout
    assert "consep: as it should be" in result.stdout


def test_verify_lists_every_broken_file_and_exits_2(toy) -> None:
    for number in (2, 3):
        (toy / "consep" / "Train" / "Labels" / f"train_{number}.mat").write_bytes(b"broken")
    result = RUNNER.invoke(app, ["verify", "consep", "--data-root", str(toy)], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert "Train/Labels/train_2.mat" in result.stdout
    assert "Train/Labels/train_3.mat" in result.stdout


def test_absent_and_unknown_datasets_are_errors_with_a_fix(tmp_path) -> None:
    with pytest.raises(MissingError, match="--dataset phantom"):
        RUNNER.invoke(app, ["verify", "glysac", "--data-root", str(tmp_path)], catch_exceptions=False)
    with pytest.raises(ConfigError, match="did you mean 'glysac'"):
        RUNNER.invoke(app, ["verify", "glisac"], catch_exceptions=False)
