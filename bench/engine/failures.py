"""Records of failed steps in the store: the traceback, the configuration, the machine and the time.

The record of a step is `<store>/failures/<key>/`: `error.txt` is the traceback, `step.json` says everything else. It is
written by the process that did the step, whatever executor started it, and removed when the step later succeeds.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import traceback
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.digest import canonical_json
from bench.engine.cost import utc_now
from bench.engine.step import Step
from bench.errors import BenchError
from bench.redact import redacted

FOLDER = "failures"
TRACEBACK = "error.txt"
DOCUMENT = "step.json"


@dataclass(frozen=True)
class Failure:
    """What is known of a failed step.

    `error` is the type of the error, `message`, `got` and `fix` are its three parts (an error of a library has only a
    message), `time` is ISO text in UTC, `step` is the document that the key is computed from.
    """

    key: str
    stage: str
    title: str
    error: str
    message: str
    got: str
    fix: str
    host: str
    pid: int
    time: str
    step: Mapping[str, Any]
    traceback: str
    folder: Path


def path(store_root: Path, key: str) -> Path:
    """Return the folder of a step's failure record, whether or not there is one."""
    return store_root / FOLDER / key


def write(store_root: Path, step: Step, error: BaseException) -> Path | None:
    """Write the failure record of a step, over an earlier one, and return its folder.

    None is returned if the store cannot be written, since the error of the step matters more.
    """
    known = {
        "key": step.key,
        "stage": step.stage,
        "title": step.title,
        "error": type(error).__name__,
        "message": error.message if isinstance(error, BenchError) else str(error),
        "got": error.got if isinstance(error, BenchError) else "",
        "fix": error.fix if isinstance(error, BenchError) else "",
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "time": utc_now(),
        "step": step.document(),
    }
    folder = path(store_root, step.key)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / TRACEBACK, redacted("".join(traceback.format_exception(error))))
        _replace(folder / DOCUMENT, canonical_json(_redacted(known)))
    except OSError:
        return None
    return folder


def read(store_root: Path, key: str) -> Failure | None:
    """Return the failure record of a step; None if there is none, or if it is damaged."""
    folder = path(store_root, key)
    try:
        known = json.loads((folder / DOCUMENT).read_text(encoding="utf-8"))
        said = (folder / TRACEBACK).read_text(encoding="utf-8")
        return Failure(**known, traceback=said, folder=folder)
    except (OSError, ValueError, TypeError):
        return None


def read_all(store_root: Path) -> list[Failure]:
    """Return all failure records of a store, the oldest first."""
    folder = store_root / FOLDER
    keys = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    found = [failure for key in keys if (failure := read(store_root, key)) is not None]
    return sorted(found, key=lambda failure: failure.time)


def clear(store_root: Path, key: str) -> None:
    """Remove the failure record of a step, if there is one."""
    folder = path(store_root, key)
    if folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def recording(store_root: Path, step: Step) -> Iterator[None]:
    """Do a step: its error is recorded and raised unchanged, its success removes the record of an earlier failure.

    An interrupt does not count as a failure.
    """
    try:
        yield
    except Exception as error:
        write(store_root, step, error)
        raise
    clear(store_root, step.key)


def _redacted(value: Any) -> Any:
    """Return a value of JSON without the secrets of the addresses in its texts."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {key: _redacted(item) for key, item in value.items()}
    return [_redacted(item) for item in value] if isinstance(value, list | tuple) else value


def _replace(target: Path, text: str) -> None:
    temporary = target.with_name(f"{target.name}.{uuid.uuid4().hex[:8]}.tmp")
    temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    os.replace(temporary, target)
