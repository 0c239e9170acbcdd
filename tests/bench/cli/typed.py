"""Commands as they are typed, in this process."""

from __future__ import annotations

import typer
from typer.testing import CliRunner


def typed(app: typer.Typer, *arguments: object) -> tuple[str, str]:
    """Return what a command prints: its output and its messages. Its errors are raised."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    return result.stdout, result.stderr
