"""`bench data`: status of all datasets, verification of one, exit codes."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from bench.cli.data import app
from bench.cli.data_status import dataset_status, status_table
from bench.errors import ConfigError, MissingError
from tests.bench.datasets.layouts import toy_card, write_consep

RUNNER = CliRunner()


@pytest.fixture
def toy(tmp_path, monkeypatch):
    card = toy_card("consep", write_consep(tmp_path / "consep"))
    monkeypatch.setattr("bench.datasets.source.load_card", lambda name: card)
    return tmp_path


def status(tmp_path, *arguments: str) -> str:
    result = RUNNER.invoke(app, ["status", *arguments, "--data-root", str(tmp_path)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_status_is_a_line_per_dataset_without_recipes(tmp_path) -> None:
    write_consep(tmp_path / "consep")
    rows = {row.card.name: row for row in dataset_status(tmp_path)}
    assert rows["consep"].folder == tmp_path / "consep"
    assert rows["glysac"].folder is None
    shown = status(tmp_path)
    table = shown.split("\n\n")[0].splitlines()[1:]
    lines = {line.split()[0]: line.split()[1] for line in table}
    assert len(table) == len(lines) == len(rows)
    assert (lines["consep"], lines["glysac"], lines["phantom"]) == ("yes", "no", "yes")
    assert "nuclei-folder" not in shown
    assert "http" not in shown
    assert "bench data status conic" in shown


@pytest.mark.parametrize("width", [60, 80, 200])
def test_status_keeps_a_line_per_dataset_in_any_width(tmp_path, width: int) -> None:
    from rich.console import Console

    rows = dataset_status(tmp_path)
    screen = Console(width=width, record=True, highlight=False)
    screen.print(status_table(rows))
    lines = screen.export_text().splitlines()
    assert len(lines) == len(rows) + 1
    assert all(row.card.name in line for row, line in zip(rows, lines[1:], strict=True))


def test_status_tells_on_request_how_to_get_a_dataset(tmp_path) -> None:
    one = status(tmp_path, "glysac")
    assert "1g1_xYFWgp3cRLKrlSwD2U5JDjooC0yHp" in one
    assert "ask the authors before redistributing anything" in one
    assert "consep" not in one
    everything = status(tmp_path, "--how")
    address = "https://warwick.ac.uk/fac/cross_fac/tia/data/hovernet/"
    assert any(address in line for line in everything.splitlines()), "no address is broken"
    with pytest.raises(ConfigError, match="did you mean 'consep'"):
        RUNNER.invoke(app, ["status", "consepp"], catch_exceptions=False)


def test_verify_prints_counts_and_exits_0_on_a_sound_dataset(toy) -> None:
    result = RUNNER.invoke(app, ["verify", "consep", "--data-root", str(toy)], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert "classes_merged: raw" in result.stdout
    assert "15 images: 15 RGB of 8 bits\n" in result.stdout
    assert "encoding: 15 PNG; no traces of JPEG found in 15 images\n" in result.stdout
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
