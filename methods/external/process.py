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

# of the environment that this process runs in; they would lead another Python to our packages
_OURS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")


def check_command(config: ExternalConfig) -> None:
    """Find the working directory and the program, before any work.

    Raises:
        ConfigError: one of them is not there.
    """
    if not config.directory.is_dir():
        raise ConfigError(
            "expected the working directory of the external program to exist",
            got=str(config.directory),
            fix="--set method.working_directory=FOLDER",
        )
    program = shlex.split(config.command)[0]
    place = str(config.directory / program) if os.sep in program else program
    if shutil.which(place, path=_environment(config).get("PATH")) is None:
        raise ConfigError(
            "expected the external program to be found and to be executable",
            got=f"{program!r}, run in {config.directory}",
            fix="name it by its full path, such as /envs/old/bin/python, in --set method.command=...",
        )


def call(config: ExternalConfig, request: Path, out: Path, log: Path) -> None:
    """Run the command once and wait for it; what it prints is appended to `log`.

    Neither its process nor any that it started and left in its group outlives the call.

    Raises:
        ConfigError: it cannot be started.
        JobError: it ended with another exit code than 0, or had not ended within the time limit.
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
            "expected the external program to end with exit code 0",
            got=f"{ended}; its last lines:\n{tail(log)}",
            fix=f"mend it and run again; its whole output: {log}\nthe request: {request}",
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
            "expected the external program to start", got=f"{arguments[0]}: {error.strerror}", fix="mend method.command"
        ) from error
    try:
        return process.wait(config.time_limit)
    except subprocess.TimeoutExpired:
        _signal_group(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        raise JobError(
            f"expected the external program to end within {config.time_limit:g} s",
            got=f"it was stopped; its last lines:\n{tail(log)}",
            fix=f"--set method.time_limit=SECONDS; its whole output: {log}",
        ) from None
    finally:  # also when we are interrupted
        _signal_group(process, signal.SIGKILL)
        process.wait()


def _environment(config: ExternalConfig) -> dict[str, str]:
    """Return this process's variables, handed on unread but for those of our own Python, and the user's."""
    inherited = {name: value for name, value in os.environ.items() if name not in _OURS}
    return inherited | {name: value.get_secret_value() for name, value in config.environment.items()}


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # all of the group have ended
        os.killpg(process.pid, number)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
