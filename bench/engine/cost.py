"""What a job costs: wall time, peak memory of the process and of the GPU."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

import psutil

_MIB = 1024 * 1024


class Meter:
    """Measures a block of code; the time of earlier, killed attempts at the same job is kept in `path` and added.

    The time is written every few seconds, so that a kill loses no more than that.
    """

    interval = 2.0

    def __init__(self, path: Path, device: str) -> None:
        self._path, self._device = path, device
        self._before = json.loads(path.read_text()) if path.exists() else {"seconds": 0.0, "peak_rss_mib": 0.0}
        self._stop = threading.Event()
        self._peak = float(self._before["peak_rss_mib"])

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
        total = {"seconds": float(self._before["seconds"]) + self._seconds, "peak_rss_mib": self._peak}
        torch = sys.modules.get("torch")
        if self._device == "cuda" and torch is not None:
            total["peak_gpu_mib"] = torch.cuda.max_memory_allocated() / _MIB
        return total

    def _watch(self) -> None:
        process = psutil.Process()
        written = time.perf_counter()
        while True:
            self._peak = max(self._peak, process.memory_info().rss / _MIB)
            if time.perf_counter() - written > self.interval:
                written = time.perf_counter()
                self._seconds = written - self._start
                self._write()
            if self._stop.wait(0.2):
                return

    def _write(self) -> None:
        value = {"seconds": float(self._before["seconds"]) + self._seconds, "peak_rss_mib": self._peak}
        temporary = self._path.with_name(self._path.name + ".tmp")
        if not self._path.parent.exists():
            return
        temporary.write_text(json.dumps(value))
        os.replace(temporary, self._path)
