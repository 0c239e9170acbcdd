"""`bench doctor`: a line per thing, and recipes on request."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.cli import app
from bench.errors import ConfigError


def doctor(folder: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["doctor", *arguments, "--store", str(folder)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_every_thing_is_a_line_without_its_recipe(tmp_path: Path) -> None:
    shown = doctor(tmp_path)
    assert "http" not in shown
    things = [
        line.split() for line in shown.splitlines() if len(line.split()) > 1 and line.split()[1] in ("ok", "missing")
    ]
    assert {"cpu", "store", "consep", "phantom", "inception", "smoke"} <= {words[0] for words in things}
    assert dict(words[:2] for words in things)["consep"] == "missing"
    assert "bench doctor conic" in shown.splitlines()[-1]


def test_a_recipe_is_told_on_request_and_its_address_is_not_broken(tmp_path: Path) -> None:
    shown = doctor(tmp_path, "inception")
    address = "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/inception-2015-12-05.pt"
    assert any(address in line for line in shown.splitlines())
    assert "consep" not in shown
    everything = doctor(tmp_path, "--how")
    assert address in everything
    assert "https://warwick.ac.uk/fac/cross_fac/tia/data/hovernet/" in everything


def test_an_unknown_thing_is_an_error_that_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'consep'"):
        doctor(tmp_path, "consepp")
