"""One call of an external program: with a time limit, and with a log of limited size."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.errors import ConfigError, JobError
from bench.harmless import harmless
from methods.external.config import OUT, REQUEST, ExternalConfig

TAIL_LINES, TAIL_BYTES, LINE = 15, 8192, 500
"""How much of the end of a log an error shows: lines, bytes, and characters of one line."""
LOG_BYTES = 2 << 20
"""Bytes of the begin and of the end of the output of one call that its log keeps."""
GRACE = 5.0
"""Seconds between the request to stop and the kill."""
END = 30.0
"""Seconds for the supervisor to end all processes."""
SUPERVISOR = Path(__file__).with_name("supervisor.py")

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
    """Run the command once and wait for it; its output is appended to `log`, of a long one the begin and the end.

    The process, and every process that it started, ends with the call, and also if this process is killed.

    Raises:
        ConfigError: it cannot be started.
        JobError: it ended with an exit code other than 0, or did not end within the time limit.
    """
    arguments = [token.replace(REQUEST, str(request)).replace(OUT, str(out)) for token in shlex.split(config.command)]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        output.write(f"$ {shlex.join(arguments)}\n".encode())
    result = _supervised(config, arguments, log)
    if "failed" in result:
        raise ConfigError(
            "The external program cannot be started",
            got=f"{arguments[0]}: {result['failed']}",
            fix="correct the command: --set method.command=...",
        )
    if result["ended"] == "limit":
        raise JobError(
            f"The external program did not end within {config.time_limit:g} s",
            got=f"it was stopped; its last lines:\n{tail(log)}",
            fix=f"raise the limit: --set method.time_limit=SECONDS; its output: {log}",
        )
    code = int(result["code"])
    if code != 0:
        ended = f"exit code {code}" if code > 0 else f"killed by {_signal_name(-code)}"
        raise JobError(
            "The external program failed: it did not end with exit code 0",
            got=f"{ended}; its last lines:\n{tail(log)}",
            fix=f"correct the program and run again; its output: {log}\nthe request: {request}",
        )


def tail(log: Path) -> str:
    """Return the last lines of a log; control characters, which a terminal would obey, are escapes."""
    with log.open("rb") as handle:
        handle.seek(max(0, log.stat().st_size - TAIL_BYTES))
        lines = handle.read().decode("utf-8", "replace").splitlines()
    return "\n".join(harmless(line[:LINE]) for line in lines[-TAIL_LINES:])


def _supervised(config: ExternalConfig, arguments: list[str], log: Path) -> dict[str, Any]:
    """Have a process of its own run the command, see `supervisor`; return how it ended."""
    order = {
        "arguments": arguments,
        "directory": str(config.directory),
        "environment": _environment(config),
        "log": str(log.absolute()),
        "head": LOG_BYTES,
        "tail": LOG_BYTES,
        "limit": config.time_limit,
        "grace": GRACE,
    }
    # its session is its own, so that Ctrl-C reaches this process first
    supervisor = subprocess.Popen(
        [sys.executable, "-I", str(SUPERVISOR)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert supervisor.stdin is not None
    assert supervisor.stdout is not None
    try:
        with contextlib.suppress(BrokenPipeError):
            supervisor.stdin.write(json.dumps(order).encode() + b"\n")
            supervisor.stdin.flush()
        answer = supervisor.stdout.read()
    finally:  # also after an interrupt: the end of its input tells the supervisor to end everything
        with contextlib.suppress(BrokenPipeError):
            supervisor.stdin.close()
        try:
            supervisor.wait(END)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            supervisor.wait()
        supervisor.stdout.close()
    if not answer:
        raise JobError(
            "The process that watches over the external program ended before it",
            got=f"exit code {supervisor.returncode}",
            fix=f"run again; the output of the program: {log}",
        )
    result: dict[str, Any] = json.loads(answer)
    return result


def _environment(config: ExternalConfig) -> dict[str, str]:
    """Return this process's variables except those of our own Python, plus the variables of the settings."""
    inherited = {name: value for name, value in os.environ.items() if name not in _OURS}
    return inherited | {name: value.get_secret_value() for name, value in config.environment.items()}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
