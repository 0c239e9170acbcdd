"""One call of an external program: in its own process group, with a time limit and a log."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

from bench.errors import ConfigError, JobError
from methods.external.config import OUT, REQUEST, ExternalConfig

TAIL_LINES, TAIL_BYTES = 15, 8192
GRACE = 5.0
"""Seconds between the request to stop and the kill."""

# variables of this process that would lead another Python to our packages
_OURS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")


def check_command(config: ExternalConfig) -> None:
    """Check that the working directory and the program exist, before any work starts.

    Raises:
        ConfigError: one of them does not exist.
    """
    if not config.directory.is_dir():
        raise ConfigError(
            "The working directory of the external program does not exist",
            got=str(config.directory),
            fix="set an existing folder: --set method.working_directory=FOLDER",
        )
    program = shlex.split(config.command)[0]
    place = str(config.directory / program) if os.sep in program else program
    if shutil.which(place, path=_environment(config).get("PATH")) is None:
        raise ConfigError(
            "The external program cannot be found or is not executable",
            got=f"{program!r}, run in {config.directory}",
            fix="give its full path, for example /envs/old/bin/python, in --set method.command=...",
        )


def call(config: ExternalConfig, request: Path, out: Path, log: Path) -> None:
    """Run the command once and wait for it; its output is appended to `log`.

    The process, and every process that it started and left in its group, ends with the call.

    Raises:
        ConfigError: it cannot be started.
        JobError: it ended with an exit code other than 0, or did not end within the time limit.
    """
    arguments = [token.replace(REQUEST, str(request)).replace(OUT, str(out)) for token in shlex.split(config.command)]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        output.write(f"$ {shlex.join(arguments)}\n".encode())
        output.flush()
        code = _run(config, arguments, output.fileno(), log)
    if code != 0:
        ended = f"exit code {code}" if code > 0 else f"killed by {_signal_name(-code)}"
        raise JobError(
            "The external program failed: it did not end with exit code 0",
            got=f"{ended}; its last lines:\n{tail(log)}",
            fix=f"correct the program and run again; its whole output: {log}\nthe request: {request}",
        )


def tail(log: Path) -> str:
    """Return the last lines of a log."""
    with log.open("rb") as handle:
        handle.seek(max(0, log.stat().st_size - TAIL_BYTES))
        lines = handle.read().decode("utf-8", "replace").splitlines()
    return "\n".join(lines[-TAIL_LINES:])


def _run(config: ExternalConfig, arguments: list[str], output: int, log: Path) -> int:
    try:
        process = subprocess.Popen(
            arguments,
            cwd=config.directory,
            env=_environment(config),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise ConfigError(
            "The external program cannot be started",
            got=f"{arguments[0]}: {error.strerror}",
            fix="correct the command: --set method.command=...",
        ) from error
    try:
        return process.wait(config.time_limit)
    except subprocess.TimeoutExpired:
        _signal_group(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        raise JobError(
            f"The external program did not end within {config.time_limit:g} s",
            got=f"it was stopped; its last lines:\n{tail(log)}",
            fix=f"raise the limit: --set method.time_limit=SECONDS; its whole output: {log}",
        ) from None
    finally:  # also after an interrupt
        _signal_group(process, signal.SIGKILL)
        process.wait()


def _environment(config: ExternalConfig) -> dict[str, str]:
    """Return this process's variables except those of our own Python, plus the variables of the settings."""
    inherited = {name: value for name, value in os.environ.items() if name not in _OURS}
    return inherited | {name: value.get_secret_value() for name, value in config.environment.items()}


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # all processes of the group have ended
        os.killpg(process.pid, number)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
