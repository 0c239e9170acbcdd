"""Help texts: readable at 80 columns, without Python's types, with examples that the parser accepts."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import Any

import pytest
from typer.testing import CliRunner

from bench import cli
from bench.cli.examples import EXAMPLES
from bench.cli.help import commands
from bench.cli.verbosity import options_first

COMMANDS = dict(commands(cli.command_line()))


def help_of(command: Any, path: str) -> str:
    with command.make_context(path, [], resilient_parsing=True, terminal_width=80) as context:
        return str(command.get_help(context))


@pytest.mark.parametrize("path", COMMANDS)
def test_every_help_text_is_plain_and_has_examples(path: str) -> None:
    text = help_of(COMMANDS[path], path)
    assert "Examples:" in text
    assert not re.search(r"<\w|\bTEXT\b|\bINTEGER\b|\[OPTIONAL\]", text)
    assert max(map(len, text.splitlines())) <= 80
    assert not text.split("\n\n")[1].strip().startswith(("Options", "Usage")), "no sentence says what it does"


def examples() -> list[str]:
    return [line.partition("   #")[0].partition(" >")[0] for lines in EXAMPLES.values() for line in lines]


@pytest.mark.parametrize("example", examples())
def test_examples_are_valid_command_lines(example: str) -> None:
    name, *arguments = shlex.split(example)
    command, path = COMMANDS[name], name
    while hasattr(command, "commands"):
        path = f"{path} {arguments.pop(0)}"
        command = COMMANDS[path]
    with command.make_context(path, arguments) as context:
        assert context.params


def test_no_example_is_left_without_its_command() -> None:
    assert EXAMPLES.keys() <= COMMANDS.keys()


def test_options_of_bench_may_stand_after_the_command() -> None:
    assert options_first(["run", "--dataset", "x", "-q", "--debug"]) == ["-q", "--debug", "run", "--dataset", "x"]
    assert options_first(["verify", "--", "-q"]) == ["verify", "--", "-q"]


def test_version() -> None:
    short = CliRunner().invoke(cli.app, ["--version"])
    assert re.fullmatch(r"augbench \d+\.\d+\.\d+\n", short.output)
    more = CliRunner().invoke(cli.app, ["-v", "--version"])
    assert more.output.startswith(short.output)
    assert re.search(r"^python 3\.", more.output, re.MULTILINE)
    assert re.search(r"^numpy \d", more.output, re.MULTILINE)


def test_a_shell_completes_commands_options_and_names() -> None:
    def completed(words: str) -> list[str]:
        variables = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1), "_BENCH_COMPLETE": "complete_bash"}
        done = subprocess.run(
            [sys.executable, "-c", "import sys; sys.argv = ['bench']; from bench.cli import main; main()"],
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.split()

    assert completed("bench lea") == ["leaderboard"]
    assert completed("bench run --metho") == ["--method"]
    assert set(completed("bench run --method diffmix")) >= {"diffmix", "diffmix-b"}
    assert completed("bench run --dataset phantom-t") == ["phantom-tissue"]
