"""The log file of a run: every message, warnings of libraries, tracebacks, and at its head the command and versions."""

from __future__ import annotations

import logging
import platform
import re
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.engine.versions import package_versions
from bench.harmless import harmless
from bench.redact import redacted

FOLDER = "logs"
LONGEST = 60
"""Letters of the name of a method or a dataset in the name of a log: names of files are limited."""
_LIBRARIES = ("torchvision", "timm", "transformers", "scipy", "scikit-learn", "pandas", "mlflow")


class RunLog:
    """A text file to which several processes may append lines, each with its time."""

    def __init__(self, path: Path) -> None:
        """Append to `path`, which is created with the first line."""
        self.path = path

    def write(self, text: str) -> None:
        """Append the lines of a text."""
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        lines = "".join(f"{now}  {line}\n" for line in harmless(redacted(text)).splitlines())
        with self.path.open("a", encoding="utf-8") as handle:
            handle.write(lines)  # one write: lines of several processes do not mix

    def write_error(self, error: BaseException) -> None:
        """Append the traceback of an error."""
        self.write("".join(traceback.format_exception(error)))


def new_log(store: Path, method: str, dataset: str) -> RunLog:
    """Create `<store>/logs/<date>-<method>-<dataset>.log`; a number is added if there is one of the same second."""
    folder = store / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    names = [re.sub(r"[^\w.+-]+", "-", name).strip("-") for name in (method, dataset)]
    name = "-".join([time.strftime("%Y%m%d-%H%M%S"), *(name[:LONGEST] for name in names)])
    number = 1
    while True:
        path = folder / (f"{name}.log" if number == 1 else f"{name}-{number}.log")
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            number += 1
            continue
        return RunLog(path)


def write_head(log: RunLog, about: Mapping[str, Any]) -> None:
    """Write the command, the versions and the machine, and `about`: what else is known of the run."""
    versions = {"python": platform.python_version(), **package_versions(*_LIBRARIES)}
    known = {
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "machine": f"{platform.platform()}, {platform.processor() or platform.machine()}",
        "folder": Path.cwd(),
        **about,
    }
    log.write("\n".join(f"{name}: {value}" for name, value in known.items()))


@contextmanager
def libraries(log: RunLog, show: Callable[[str], None]) -> Iterator[None]:
    """Write the warnings of libraries and their log records into the log, and show the warnings."""
    shown = warnings.showwarning

    def showwarning(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object, **__: object
    ) -> None:
        log.write(f"{category.__name__} at {filename}:{lineno}")
        show(f"{message}".splitlines()[0] if f"{message}" else category.__name__)

    handler = _Handler(log)
    root = logging.getLogger()
    root.addHandler(handler)
    warnings.showwarning = showwarning  # type: ignore[assignment]
    try:
        yield
    finally:
        warnings.showwarning = shown
        root.removeHandler(handler)


class _Handler(logging.Handler):
    def __init__(self, log: RunLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.write(f"{record.levelname.lower()} of {record.name}: {record.getMessage()}")
