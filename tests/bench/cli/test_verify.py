"""`bench verify`: what it says about a sound set, an edited one, an older one, and a seal that was published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from bench.cli import app
from bench.errors import ConfigError, SealError
from tests.bench.synthetic.made import in_manifest, write_set
from tests.bench.synthetic.test_seal import as_old


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    write_set(tmp_path / "set")
    return tmp_path / "set"


def verify(folder: Path, *more: str) -> Result:
    return CliRunner().invoke(app, ["verify", str(folder), *more], catch_exceptions=False)


def test_a_sound_set_is_said_to_be_unchanged_with_its_whole_seal(sealed: Path) -> None:
    result = verify(sealed)
    assert result.exit_code == 0
    assert "3 samples of copy on toy, seed 0: sealed and unchanged" in result.stdout
    (seal,) = [line for line in result.stdout.splitlines() if line.startswith("seal: ")]
    assert seal == f"seal: {json.loads((sealed / 'manifest.json').read_text())['seal']['sha256']}"
    assert verify(sealed, "--seal", seal.removeprefix("seal: ")[:12].upper()).exit_code == 0


def test_a_set_of_an_older_schema_is_accepted_with_a_warning(sealed: Path) -> None:
    as_old(sealed)
    in_manifest(lambda content: content.update(encoding={"files": 5}) or content.pop("method"))(sealed)
    result = verify(sealed)
    assert result.exit_code == 0
    assert "warning: sealed by the older schema 2, which covers pixels and labels only" in result.stdout
    assert "3 samples of unknown on toy" in result.stdout
    with pytest.raises(SealError, match="has no seal to compare"):
        verify(sealed, "--seal", "0" * 12)


def test_a_seal_that_was_made_again_does_not_fool_who_knows_the_old_one(sealed: Path, tmp_path: Path) -> None:
    known = json.loads((sealed / "manifest.json").read_text())["seal"]["sha256"]
    write_set(tmp_path / "again", use="evaluation")
    assert verify(tmp_path / "again").exit_code == 0
    with pytest.raises(SealError, match="not the one whose seal was given"):
        verify(tmp_path / "again", "--seal", known)


@pytest.mark.parametrize("seal", ["", "abc", "x" * 64, "0" * 11])
def test_what_is_no_seal_is_refused(sealed: Path, seal: str) -> None:
    with pytest.raises(ConfigError, match="is not a seal"):
        verify(sealed, "--seal", seal)
