"""What a person meets at the command line when something is wrong: three lines, a code, no traceback."""

from __future__ import annotations

import getpass
import os
import pwd
import sys
from pathlib import Path

import pytest

from bench import cli
from bench.cli.errors import print_error
from bench.errors import BenchError, ConfigError, DataError


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    return int(caught.value.code or 0), capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (("run", "--method", "difmix", "--dataset", "phantom"), "diffmix"),
        (("run", "--method", "diffmix", "--dataset", "fantom"), "phantom"),
        (("run", "--method", "copy", "--dataset", "phantom", "--set", "method.grd=3"), "grid"),
        (("list", "method"), "methods"),
    ],
)
def test_unknown_names(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: tuple[str, ...],
    suggestion: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, lines = run(monkeypatch, capsys, *arguments)
    assert code == 2
    assert [line[:6] for line in lines] == ["error:", "got:  ", "fix:  "]
    assert suggestion in lines[2]
    assert not list(tmp_path.iterdir())


def test_absent_data_says_where_how_and_what_meanwhile(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ("run", "--method", "diffmix", "--dataset", "glysac", "--preset", "smoke", "--data-root", str(tmp_path))
    code, lines = run(monkeypatch, capsys, *command)
    text = "\n".join(lines)
    assert code == 2
    assert [line[:6] for line in lines if not line.startswith(" ")] == ["error:", "got:  ", "fix:  "]
    assert str(tmp_path) in text
    assert "Labels" in text
    assert "phantom" in text


@pytest.mark.parametrize("arguments", [("run",), ("run", "--methd", "x"), ("nonsense",), ("run", "--seeds", "no")])
def test_usage_errors_are_three_lines_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    code, lines = run(monkeypatch, capsys, *arguments)
    assert code == 2
    assert [line[:6] for line in lines] == ["error:", "got:  ", "fix:  "]


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (ConfigError("It does not fit", got="x"), "see --help"),
        (DataError("It cannot be read", got="x"), "correct or replace the data that are named above"),
        (DataError("It cannot be read", got="x", fix="do this"), "do this"),
    ],
)
def test_an_error_that_names_no_fix_does_not_send_people_with_wrong_data_to_the_options(
    capsys: pytest.CaptureFixture[str], error: BenchError, fix: str
) -> None:
    print_error(error)
    assert capsys.readouterr().err.splitlines()[-1] == f"fix:   {fix}"


def test_debug_shows_where_it_happened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["bench", "run", "--method", "difmix", "--dataset", "phantom", "--debug"])
    with pytest.raises(ConfigError):
        cli.main()


def test_lists_name_what_there_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "list"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert not caught.value.code
    text = capsys.readouterr().out
    for name in ("diffmix", "consep", "hovernet", "random-convnet", "paper"):
        assert name in text


def test_verify_checks_a_seal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, lines = run(monkeypatch, capsys, "verify", str(tmp_path))
    assert code == 2
    assert "sealed synthetic set" in lines[0]


def test_a_user_without_a_name_receives_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def unknown(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert run(monkeypatch, capsys, "leaderboard", "--store", str(tmp_path))[0] == 2
    assert getpass.getuser() == f"user{os.getuid()}"
