"""What the machine does while a step runs: use of the processor, of memory and of the GPU, sampled over time."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping

import psutil

LIMIT = 200
"""The most samples that are kept of a step; a longer one is sampled less often."""
_MB = 1e6


class Usage:
    """Samples of a step, first of all attempts at it; each is a moment (seconds since 1970) and numbers by name.

    Names and units are those of MLflow's system metrics. With every `LIMIT` samples, each second one is dropped and
    the interval doubled.
    """

    def __init__(self, device: str, interval: float, earlier: list[dict[str, float]] | None = None) -> None:
        """Continue from the samples of earlier attempts."""
        self.samples = list(earlier or [])
        self._device, self._interval = device, interval
        self._process = psutil.Process()
        self._next = 0.0
        psutil.cpu_percent()  # the first call only starts the measurement

    def look(self) -> None:
        """Take a sample if it is time for one."""
        now = time.time()
        if now < self._next:
            return
        first = self._next == 0.0
        self._next = now + self._interval
        if first:  # nothing has been measured yet
            return
        self.samples.append({"time": round(now, 3), **self._measure()})
        if len(self.samples) >= LIMIT:
            self.samples = self.samples[1::2]
            self._interval *= 2

    def _measure(self) -> dict[str, float]:
        memory = psutil.virtual_memory()
        found = {
            "cpu_utilization_percentage": psutil.cpu_percent(),
            "system_memory_usage_megabytes": memory.used / _MB,
            "system_memory_usage_percentage": 100 * memory.used / memory.total,
            "process_memory_usage_megabytes": self._process.memory_info().rss / _MB,
            **dict(_of_gpu(self._device)),
        }
        return {name: round(value, 1) for name, value in found.items()}


def samples_of(document: Mapping[str, object]) -> list[dict[str, float]]:
    """Return the samples in the document of a finished step; older steps have none."""
    found = document.get("usage")
    return list(found) if isinstance(found, list) else []


def _of_gpu(device: str) -> Iterator[tuple[str, float]]:
    torch = sys.modules.get("torch")
    # to look must not be what starts the GPU
    if device != "cuda" or torch is None or not torch.cuda.is_initialized():
        return
    number = torch.cuda.current_device()
    free, total = torch.cuda.mem_get_info(number)
    yield f"gpu_{number}_memory_usage_megabytes", (total - free) / _MB
    yield f"gpu_{number}_memory_usage_percentage", 100 * (total - free) / total
    try:
        yield f"gpu_{number}_utilization_percentage", float(torch.cuda.utilization(number))
    except Exception:  # pynvml, which torch asks, may be absent, or raise errors of its own; measuring continues
        return
