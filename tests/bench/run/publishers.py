"""A process that does a finished run again and publishes it at the same moment as others: the program of a test."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.config import RunRequest
from bench.run import pipeline

PATIENCE = 120.0


def publish_together(request: RunRequest, waiting: Path, count: int) -> list[tuple[int, str]]:
    """Have several processes publish one run together; return the exit code of each and what it said."""
    waiting.mkdir()
    command = [sys.executable, "-m", "tests.bench.run.publishers", request.model_dump_json(), str(waiting), str(count)]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(count)]
    said = [process.communicate()[1] for process in started]
    return [(process.returncode, text) for process, text in zip(started, said, strict=True)]


def main(text: str, waiting: Path, count: int) -> None:
    """Do the run; wait before its publication until all processes have come so far."""
    publish = pipeline.publish

    def together(*arguments: Any) -> Any:
        (waiting / f"{time.monotonic_ns()}-{id(arguments)}").touch()
        end = time.monotonic() + PATIENCE
        while len(list(waiting.iterdir())) < count and time.monotonic() < end:
            time.sleep(0.001)
        return publish(*arguments)

    pipeline.publish = together
    pipeline.run_request(RunRequest.model_validate_json(text))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
