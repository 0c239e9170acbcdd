"""A clock of steps: their times, the device's peak memory, and the floating-point operations that they take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

PEAKS = {
    "H200": 989.0,
    "H100": 989.0,
    "GH200": 989.0,
    "A100": 312.0,
    "L40S": 362.0,
    "RTX 4090": 165.0,
    "A10": 125.0,
    "V100": 125.0,
    "T4": 65.0,
}
"""Dense operations of 16-bit matrix products, in 10^12 per second, by a part of the device's name (makers' sheets)."""


class Row(NamedTuple):
    """One measurement; `operations` are those of one step of `images` images, `peak` is in GiB (0: not measured)."""

    name: str
    what: str
    images: int
    seconds: float
    per_second: float
    peak: float
    operations: float
    note: str = ""


class Operations(TorchDispatchMode):
    """Sums the floating-point operations of matrix products, convolutions and attention, forward and backward.

    torch's own `FlopCounterMode` also follows modules, and stops at networks that are differentiated twice.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        count = flop_registry.get(func._overloadpacket)
        if count is None and func is not torch.ops.prim.device.default:
            with self:  # in inference mode, an operation such as `linear` arrives whole
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        result = func(*args, **kwargs)
        if count is not None:
            self.total += count(*args, **kwargs, out_val=result)
        return result


class Clock:
    """Notes a lap at every `advance`, once the device has finished; with `count`, also the operations of the lap."""

    def __init__(self, device: str, *, count: bool = False) -> None:
        self._device = device
        self._mode = Operations() if count else None
        self.laps: list[float] = []
        self.operations: list[float] = []
        self.total = 0.0
        self.peak = 0.0
        self._last: float | None = None
        self._counted = 0.0

    def start(self) -> None:
        """Begin the first lap."""
        self._last = self._now()

    def advance(self, n: int = 1, **values: float) -> None:
        """End a lap; without `start`, the first call only begins the next."""
        now, counted = self._now(), 0.0 if self._mode is None else self._mode.total
        if self._last is not None:
            self.laps.append(now - self._last)
            self.operations.append(counted - self._counted)
        self._last, self._counted = now, counted
        if self._device == "cuda":
            self.peak = torch.cuda.max_memory_allocated() / 1024**3

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the operations of a block."""
        assert self._mode is not None
        with self._mode:
            yield
        self.total = self._mode.total

    def _now(self) -> float:
        if self._device == "cuda":
            torch.cuda.synchronize()
            if self._last is None:
                torch.cuda.reset_peak_memory_stats()
        return time.perf_counter()


def device_name(device: str) -> str:
    """Return the name of the device."""
    return torch.cuda.get_device_name() if device == "cuda" else "CPU"


def share_of_peak(row: Row, device: str) -> float | None:
    """Return the share of the device's peak that a row reaches; None for a device without a known peak."""
    name = device_name(device)
    peak = next((value for known, value in PEAKS.items() if known in name), None)
    return None if peak is None else row.operations / row.seconds / (peak * 1e12)
