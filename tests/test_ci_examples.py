"""The examples for CI are valid YAML, and their commands exist with the options that they are given."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
import yaml

from bench.cli import app

FOLDER = Path(__file__).parent.parent / "examples" / "ci"


def commands() -> Iterator[str]:
    workflow = yaml.safe_load((FOLDER / "bench-check.yml").read_text(encoding="utf-8"))
    for job in workflow["jobs"].values():
        yield from (step["run"] for step in job["steps"] if step.get("run", "").startswith("bench "))
    hooks = yaml.safe_load((FOLDER / "pre-commit-config.yaml").read_text(encoding="utf-8"))
    yield from (hook["entry"] for repo in hooks["repos"] for hook in repo["hooks"])
    comments = (FOLDER / "bench-check.yml").read_text(encoding="utf-8").splitlines()
    yield from (line.strip("# ") for line in comments if line.startswith("#   bench "))


def parse(command: str) -> None:
    """Parse a command as the command line does, without doing it."""
    _, name, *arguments = shlex.split(command)
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    known[name].make_context(name, arguments)


def test_commands_exist() -> None:
    found = list(commands())
    assert [command.split()[1] for command in found] == ["run", "check", "check", "run", "check"]
    assert found[0] == found[3], "the baseline is written from the same run"
    for command in found:
        parse(command)


def test_a_wrong_option_is_found() -> None:
    with pytest.raises(Exception, match="[Nn]o such option"):
        parse("bench check baseline.csv --other")


def test_the_workflow_fails_when_the_check_fails() -> None:
    workflow = yaml.safe_load((FOLDER / "bench-check.yml").read_text(encoding="utf-8"))
    assert True in workflow  # YAML 1.1 reads the key `on` as a truth value
    steps = workflow["jobs"]["check"]["steps"]
    assert not any(step.get("continue-on-error") for step in steps)
    assert steps[-1]["if"] == "always()"
