"""The command line: one small module per command; each imports what it needs when it runs."""

from __future__ import annotations

import sys

import typer

from bench.cli import data, doctor, importing, leaderboard, listing, run, score, study, suite, tracking, verify
from bench.cli.errors import print_error
from bench.errors import BenchError
from bench.extras import absent
from bench.sibling_packages import SIBLINGS, check_sibling

app = typer.Typer(
    name="bench",
    help="Measure whether synthetic images help in pathology, and how far the numbers can be trusted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,  # plain-text help starts in half the time
    context_settings={"help_option_names": ["-h", "--help"]},
)
run.mount(app)
suite.mount(app)
leaderboard.mount(app)
listing.mount(app)
doctor.mount(app)
data.mount(app)
score.mount(app)
importing.mount(app)
verify.mount(app)
tracking.mount(app)
study.mount(app)


def main() -> None:
    """Run the command line; print errors as three lines, or with a traceback if `--debug` is given, and exit."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    debug = len(arguments) != len(sys.argv) - 1
    try:
        for name in SIBLINGS:
            check_sibling(name)
        code = app(args=arguments, prog_name="bench", standalone_mode=False)
    except BenchError as error:
        if debug:
            raise
        print_error(error)
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.exit(130)
    except Exception as error:
        if debug:
            raise
        known = _usage(error) if _is_usage(error) else absent(error)
        print_error(known or _unexpected(error))
        sys.exit(2 if known else 1)
    sys.exit(code if isinstance(code, int) else 0)


def _is_usage(error: Exception) -> bool:
    """Return whether an exception comes from the parser: a wrong option or argument."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def _unexpected(error: Exception) -> BenchError:
    return BenchError(
        "The command failed unexpectedly",
        got=f"{type(error).__name__}: {error}",
        fix="finished work is kept: run the same command again to continue, or add --debug to see the traceback",
    )


def _usage(error: Exception) -> BenchError:
    message = error.format_message().rstrip(".")  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "bench"
    return BenchError(
        "The command line is not valid", got=f"{message} ({' '.join(sys.argv[1:])})", fix=f"see {command} --help"
    )
