"""How much the commands say: the options `--quiet` and `--verbose`, which may stand before or after the command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import typer

    from bench.engine.reporter import Reporter

ANYWHERE = ("-q", "--quiet", "-v", "--verbose", "--debug")
"""Options of `bench` itself that may also stand after the command."""


class Verbosity(NamedTuple):
    """`quiet`: only errors and the final table. `verbose`: also versions, reused steps and folders of outputs."""

    quiet: bool = False
    verbose: bool = False


def options_first(arguments: Sequence[str]) -> list[str]:
    """Return arguments with the options of `bench` itself before the command; what follows `--` is kept.

    >>> options_first(["run", "--dataset", "phantom", "-q"])
    ['-q', 'run', '--dataset', 'phantom']
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    own = [argument for argument in arguments[:end] if argument in ANYWHERE]
    return [*own, *(argument for argument in arguments[:end] if argument not in ANYWHERE), *arguments[end:]]


def verbosity(context: typer.Context) -> Verbosity:
    """Return how much the command of a context is to say."""
    found = context.find_root().obj
    return found if isinstance(found, Verbosity) else Verbosity()


def short_reporter(context: typer.Context) -> Reporter:
    """Return the reporter of a command that is done soon: without a terminal, it prints errors only."""
    from bench.engine.reporter import Reporter

    return Reporter(quiet=verbosity(context).quiet or not sys.stderr.isatty())


def reporter(context: typer.Context) -> Reporter:
    """Return the reporter of a command."""
    from bench.engine.reporter import Reporter

    level = verbosity(context)
    return Reporter(quiet=level.quiet, verbose=level.verbose)
