"""What a step costs: wall time, peak memory of the process and of the GPU; and when it was done."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from bench.atomic import write_text
from bench.engine.usage import Usage

_MIB = 1024 * 1024


class Meter:
    """Measures a block of code; what earlier, killed attempts at the same step measured is kept in `path` and added.

    It is written every few seconds, so that a kill loses no more than that.
    """

    interval = 2.0

    def __init__(self, path: Path, device: str) -> None:
        self._path, self._device = path, device
        before = _noted(path)
        self._seconds_before = float(before.get("seconds", 0.0))
        self._seconds = 0.0
        self._peak = float(before.get("peak_rss_mib", 0.0))
        self._started = str(before.get("started") or utc_now())
        self._usage = Usage(device, self.interval, before.get("usage"))
        self._stop = threading.Event()

    def __enter__(self) -> Meter:
        self._start = time.perf_counter()
        torch = sys.modules.get("torch")
        if self._device == "cuda" and torch is not None:
            torch.cuda.reset_peak_memory_stats()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._seconds = time.perf_counter() - self._start
        self._write()

    def total(self) -> dict[str, float]:
        """Return seconds, peak resident memory and, on a GPU, its peak memory (MiB)."""
        total = {"seconds": self._seconds_before + self._seconds, "peak_rss_mib": self._peak}
        torch = sys.modules.get("torch")
        if self._device == "cuda" and torch is not None:
            total["peak_gpu_mib"] = torch.cuda.max_memory_allocated() / _MIB
        return total

    def about(self) -> dict[str, Any]:
        """Return when the first attempt started, when the last one ended (ISO time, UTC), and samples of the usage."""
        return {"started": self._started, "ended": utc_now(), "usage": self._usage.samples}

    def _watch(self) -> None:
        process = psutil.Process()
        written = time.perf_counter()
        while True:
            self._peak = max(self._peak, process.memory_info().rss / _MIB)
            self._usage.look()
            if time.perf_counter() - written > self.interval:
                written = time.perf_counter()
                self._seconds = written - self._start
                self._write()
            if self._stop.wait(0.2):
                return

    def _write(self) -> None:
        value = {
            "seconds": self._seconds_before + self._seconds,
            "peak_rss_mib": self._peak,
            "started": self._started,
            "usage": self._usage.samples,
        }
        # on a full disk, a measurement is lost and not the step; the folder may be gone
        with contextlib.suppress(OSError):
            write_text(self._path, json.dumps(value), sole=True)


def _noted(path: Path) -> dict[str, Any]:
    """Return what earlier attempts measured; nothing if the file was cut off, which must not stop the step."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        samples = [dict(sample) for sample in found.get("usage", [])]
        numbers = {name: float(found.get(name, 0.0)) for name in ("seconds", "peak_rss_mib")}
        return {**numbers, "started": str(found.get("started", "")), "usage": samples}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def utc_now() -> str:
    """Return the current time as ISO text in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
