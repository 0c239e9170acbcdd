"""`bench data export`: what a user sees."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from bench.cli import app
from bench.errors import ConfigError, MissingError
from tests.bench.datasets.layouts import toy_card, write_consep
from tests.bench.export.samples import read_back, seal, toy

RUNNER = CliRunner()


def export(*arguments: object, **options: object):
    return RUNNER.invoke(app, ["data", "export", *map(str, arguments)], env={"COLUMNS": "300"}, **options)


def test_a_dataset_with_its_classes_merged(tmp_path, monkeypatch) -> None:
    truth = write_consep(tmp_path / "consep")
    monkeypatch.setattr("bench.datasets.source.load_card", lambda name: toy_card("consep", truth))
    result = export("consep", "--format", "hovernet", "--out", tmp_path / "out", "--data-root", tmp_path)
    assert result.exit_code == 0, result.output
    assert f"train: 12 images in {tmp_path / 'out' / 'train'}" in result.stdout
    assert "README.txt" in result.stdout
    found = read_back(tmp_path / "out" / "test", "hovernet")
    assert {name: sample.types.tolist() for name, sample in found.items()} == {
        name: item.types.tolist() for name, item in truth["test"].items()
    }


def test_a_sealed_set_and_what_is_not_exported(tmp_path) -> None:
    folder = seal(tmp_path / "set", toy().samples, toy().info)
    result = export(folder, "--format", "imagefolder", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "not exported: 4 images have nuclei" in result.stdout


def test_wrong_requests_are_errors_with_a_fix(tmp_path) -> None:
    for arguments, error in (
        (("phantom", "--format", "yolo", "--out", tmp_path / "out"), ConfigError),
        (("phantom", "--format", "consep", "--split", "tset", "--out", tmp_path / "out"), ConfigError),
        (("glysac", "--format", "consep", "--out", tmp_path / "out", "--data-root", tmp_path), MissingError),
    ):
        with pytest.raises(error) as caught:
            export(*arguments, catch_exceptions=False)
        assert caught.value.fix
    assert not (tmp_path / "out").exists()
