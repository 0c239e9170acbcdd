"""Values of options and arguments that are looked up as files: one that no file can have is refused before any work."""

from __future__ import annotations

from collections.abc import Iterator
from functools import wraps
from pathlib import Path
from typing import Any

from bench.cli.help import commands
from bench.errors import ConfigError
from bench.paths import impossible, shortened

LONG = {"overrides", "classes"}
"""Parameters whose text may be long: as a whole, it does not name a file."""


def guard(command: Any) -> None:
    """Let a command and all commands below it check the values that they were given before they do anything."""
    for path, below in commands(command):
        below.invoke = _checked(below, path)


def _checked(command: Any, path: str) -> Any:
    invoke = command.invoke

    @wraps(invoke)
    def run(context: Any) -> Any:
        for parameter in command.params:
            for value in _texts(context.params.get(parameter.name)):
                _check(parameter, value, path)
        return invoke(context)

    return run


def _check(parameter: Any, value: str | Path, path: str) -> None:
    # names may be a list with commas
    whole = [value] if isinstance(value, Path) else value.split(",")
    why = next(filter(None, map(impossible, whole)), "")
    if not why or (parameter.name in LONG and "\0" not in str(value)):
        return
    option = parameter.param_type_name == "option"
    name = max(parameter.opts, key=len) if option else parameter.metavar or parameter.name.upper()
    raise ConfigError(
        f"The value of {name} cannot be a name or a path",
        got=f"{shortened(value)}: {why}",
        fix=f"give a shorter one; see {path} --help",
    )


def _texts(value: Any) -> Iterator[str | Path]:
    if isinstance(value, str | Path):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
