"""Every option and argument of every command: text that no file can have as its name is refused, or used as text."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import cli
from bench.cli.help import commands
from bench.cli.values import LONG
from bench.paths import impossible

KINDS = {"long": "deep/" + "é" * 150, "NUL": "a\0b"}
GIVEN = {"--mpp": "0.25", "--to": "http://localhost:1"}
"""Values of required options other than the one that is tried."""


def leaves() -> Iterator[tuple[str, Any]]:
    for path, command in commands(cli.command_line()):
        if not hasattr(command, "commands"):
            yield path, command


def texts() -> Iterator[tuple[str, str]]:
    """Yield every parameter that takes text, with its command."""
    for path, command in leaves():
        for parameter in command.params:
            label = parameter.type.name if hasattr(parameter, "type") else str(parameter.display_type(None))
            if not getattr(parameter, "is_flag", False) and not {"int", "float", "bool"} & set(
                label.strip("<>").split()
            ):
                yield path, parameter.name


def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["bench", *words])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0), capsys.readouterr().err


def words_of(path: str, name: str, value: str, folder: Path) -> list[str]:
    """Return a command with one parameter set to `value`, and what it needs besides."""
    command = dict(leaves())[path]
    words = path.split()[1:]
    for parameter in command.params:
        tried = parameter.name == name
        if not tried and not parameter.required and parameter.name != "store":
            continue
        option = max(parameter.opts, key=len)
        given = value if tried else GIVEN.get(option, str(folder))
        words += [given] if parameter.param_type_name == "argument" else [option, given]
    return words


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("path", "name"), list(texts()))
def test_text_that_is_no_path_is_refused_in_three_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], path: str, name: str, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = typed(monkeypatch, capsys, *words_of(path, name, KINDS[kind], tmp_path))
    lines = [line.partition(":")[0] for line in said.splitlines() if line and not line.startswith(" ")]
    assert code == 2, said
    assert lines[0] == "error"
    assert {"error", "got", "fix"} <= set(lines)
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir()), "something was written"
    if kind == "NUL":  # the parser itself refuses it in a path
        assert "a NUL character" in said or "embedded null byte" in said
    elif name not in LONG:
        assert "cannot be a name or a path" in said
        assert impossible(KINDS[kind]) in said


@pytest.mark.parametrize(
    "text", ["method.command=bash -c '" + "true; " * 60 + "'", "max_samples=" + "9" * 300, "folder=" + "/x" * 3000]
)
def test_a_long_setting_is_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """The dry run counts the steps, or refuses the setting as it does a short one; nothing is looked up as a file."""
    words = ["run", "--method", "external", "--dataset", "phantom", "--preset", "tiny", "--set", text, "--dry-run"]
    code, said = typed(monkeypatch, capsys, *words, "--store", str(tmp_path / "store"))
    assert code in (0, 2), said
    assert "too long" not in said.lower()
    assert "unexpectedly" not in said


@pytest.mark.parametrize("name", ["x" * 250, "x" * 252, "x" * 255])
def test_a_name_that_is_too_long_only_with_its_suffix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    words = ["run", "--synthetic", name, "--dataset", "phantom", "--preset", "tiny", "--store", str(tmp_path / "store")]
    code, said = typed(monkeypatch, capsys, *words)
    assert code == 2
    assert "There is no sealed set of this folder or name" in said


def test_a_long_name_in_a_table_or_a_card_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    card = tmp_path / "card.yaml"
    example = Path(__file__).parents[3] / "examples" / "cards" / "my-nuclei.yaml"
    for long in ("x" * 300, "a\0b"):
        text = example.read_text(encoding="utf-8").replace("[my-nuclei]", json.dumps([long]))
        card.write_text(text, encoding="utf-8")
        code, said = typed(monkeypatch, capsys, "data", "verify", str(card))
        assert code == 2, said
        assert "unexpectedly" not in said
    np.save(tmp_path / "real.npy", np.zeros((4, 2)))
    (tmp_path / "captions.csv").write_text(f"file,caption\n{'x' * 300}.png,words\n", encoding="utf-8")
    words = ["score", "text", "--images", str(tmp_path), "--captions", str(tmp_path / "captions.csv")]
    code, said = typed(monkeypatch, capsys, *words)
    assert code == 2, said
    assert "unexpectedly" not in said
