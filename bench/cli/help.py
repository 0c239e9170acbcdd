"""Help texts: plain names of values instead of Python's types, and examples below every command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.cli.examples import EXAMPLES

NAMES = {"int": "N", "int range": "N", "float": "X", "float range": "X", "path": "PATH", "file": "FILE"}
"""What stands for a value of each type in help texts; a value of any other type is a NAME."""


def describe(command: Any, path: str = "bench") -> None:
    """Complete the help texts of a command and of all commands below it; `path` is how the command is typed."""
    if path in EXAMPLES and not command.epilog:
        command.epilog = "\b\nExamples:\n" + "\n".join(f"  {line}" for line in EXAMPLES[path])
    if command.help and not command.short_help:
        # a whole sentence, where the parser would cut it after 45 letters
        command.short_help = command.help.split("\n\n")[0].replace("\n", " ").rstrip(".").split("; ")[0]
    for parameter in command.params:
        _name_value(parameter)
    for name, below in getattr(command, "commands", {}).items():
        describe(below, f"{path} {name}")


def commands(command: Any, path: str = "bench") -> Iterator[tuple[str, Any]]:
    """Yield a command and all commands below it, each with how it is typed."""
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, f"{path} {name}")


def _name_value(parameter: Any) -> None:
    """Give a parameter a plain name of its value, instead of `<int range>` or `<list[str]>`."""
    if parameter.param_type_name == "argument":
        name = parameter.metavar or parameter.name.upper()
        more = "..." if parameter.nargs != 1 else ""
        usage = name + more if parameter.required else f"[{name}]{more}"
        parameter.metavar = name
        # the parser adds the type to the name of an argument, and braces in the usage line
        parameter.display_type_rich = lambda ctx: None
        parameter.get_usage_pieces = lambda ctx: [usage]
    elif parameter.metavar is None and not getattr(parameter, "is_flag", False):
        label = _type_of(parameter)
        parameter.metavar = NAMES.get(label, "NAME")


def _type_of(parameter: Any) -> str:
    return str(parameter.display_type(None)).strip("<>") if hasattr(parameter, "display_type") else parameter.type.name
