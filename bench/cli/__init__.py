"""The command line: one small module per command; each imports what it needs when it runs."""

from __future__ import annotations

import errno
import getpass
import io
import os
import sys
from typing import Annotated, Any

import typer

from bench.cli import (
    agreement,
    check,
    data,
    doctor,
    importing,
    leaderboard,
    listing,
    report,
    run,
    score,
    status,
    store,
    study,
    suite,
    tracking,
    verify,
    weights,
)
from bench.cli.errors import print_error
from bench.cli.help import describe
from bench.cli.values import guard
from bench.cli.verbosity import Verbosity, options_first
from bench.engine.threads import WAITING
from bench.errors import BenchError, ConfigError
from bench.extras import absent
from bench.paths import shortened
from bench.sibling_packages import SIBLINGS, check_sibling

app = typer.Typer(
    name="bench",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain-text help starts in half the time
    context_settings={"help_option_names": ["-h", "--help"]},
)
run.mount(app)
suite.mount(app)
status.mount(app)
leaderboard.mount(app)
agreement.mount(app)
check.mount(app)
report.mount(app)
listing.mount(app)
doctor.mount(app)
data.mount(app)
weights.mount(app)
score.mount(app)
importing.mount(app)
verify.mount(app)
tracking.mount(app)
study.mount(app)
store.mount(app)

INTERRUPTED = 130
"""The exit code after Ctrl-C."""
GOES_ON = ("run", "suite", "get")
"""Commands that continue where they were interrupted."""


@app.callback()
def options(
    context: typer.Context,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", is_eager=True, help="Print only errors and the final table.")
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", is_eager=True, help="Print more: versions, reused steps, folders, library messages."
        ),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=lambda context, value: _print_version(context) if value else None,
            help="Print the version, with -v also those of Python and of libraries, and exit.",
        ),
    ] = False,
) -> None:
    """Measure whether synthetic images help in pathology, and how far the numbers can be trusted.

    The options -q, -v and --debug may also stand after the command.
    """
    if quiet and verbose:
        raise ConfigError("--quiet and --verbose exclude each other", got="both", fix="leave out one of them")
    context.obj = Verbosity(quiet, verbose)


def command_line() -> Any:
    """Return the command line as its parser sees it, with complete help texts, and checks of the values it is given."""
    command = typer.main.get_command(app)
    describe(command)
    guard(command)
    return command


def main() -> None:
    """Run the command line; print errors as three lines, or with a traceback if `--debug` is given, and exit."""
    for name, value in WAITING.items():  # before torch is loaded, which reads them
        os.environ.setdefault(name, value)
    _name_user()
    for stream in (sys.stdout, sys.stderr):  # a terminal without a character shows its number, and the work continues
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    arguments = options_first(sys.argv[1:])
    debug = "--debug" in arguments
    try:
        for name in SIBLINGS:
            check_sibling(name)
        code = command_line()(args=arguments, prog_name="bench", standalone_mode=False)
    except BenchError as error:
        if debug:
            raise
        print_error(error)
        sys.exit(error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(str(error))
            sys.exit(0)
        if debug:
            raise
        known = _usage(error) if _is_usage(error) else absent(error) or _unusable(error)
        print_error(known or _unexpected(error))
        sys.exit(2 if known else 1)
    if code == INTERRUPTED:  # versions of the parser return it or raise
        resumes = any(argument in GOES_ON for argument in arguments)
        print("interrupted" + ("; the same command goes on from here" if resumes else ""), file=sys.stderr)
    sys.exit(code if isinstance(code, int) else 0)


def _name_user() -> None:
    """Give a user without a name, as in many containers, one for this process: torch asks for it."""
    try:
        getpass.getuser()
    except (KeyError, OSError):  # OSError since Python 3.13
        os.environ["LOGNAME"] = f"user{os.getuid()}"


def _print_version(context: typer.Context) -> None:
    """Print versions and stop."""
    import platform

    from bench.engine.versions import package_versions

    found = package_versions(*(("torchvision", "timm", "mlflow") if context.params.get("verbose") else ()))
    print(f"augbench {found.pop('augbench')}")
    if context.params.get("verbose"):
        for name, number in {"python": platform.python_version(), **found}.items():
            print(f"{name} {number}")
    raise typer.Exit


def _is_usage(error: Exception) -> bool:
    """Return whether an exception comes from the parser: a wrong option or argument."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def _unusable(error: Exception) -> BenchError | None:
    """Return the error of a name that no file can have, such as one in a file of settings; None for any other."""
    if isinstance(error, OSError) and error.errno in (errno.ENAMETOOLONG, errno.EILSEQ):
        got = f"{error.strerror}: {shortened(error.filename or '')}"
    elif isinstance(error, ValueError) and "embedded null" in str(error):
        got = "a NUL character"
    else:
        return None
    fix = "shorten this name where it is set: in the command, in a card or in a file of settings"
    return BenchError("A name cannot be that of a file or folder", got=got, fix=fix)


def _unexpected(error: Exception) -> BenchError:
    notes = getattr(error, "__notes__", [])
    where = "the traceback is in the log" if notes else "add --debug to see the traceback"
    known = BenchError(
        "The command failed unexpectedly",
        got=f"{type(error).__name__}: {error}",
        fix=f"finished work is kept: run the same command again to continue; {where}",
    )
    for note in notes:
        known.add_note(note)
    return known


def _usage(error: Exception) -> BenchError:
    message = error.format_message().rstrip(".")  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "bench"
    return BenchError(
        "The command line is not valid", got=f"{message} ({' '.join(sys.argv[1:])})", fix=f"see {command} --help"
    )
