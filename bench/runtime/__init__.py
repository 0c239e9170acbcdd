"""What pieces of work run with: seeds, device, progress."""

from bench.runtime.context import Run, derive_seed
from bench.runtime.device import Device, resolve_device
from bench.runtime.reporter import Reporter

__all__ = ["Device", "Reporter", "Run", "derive_seed", "resolve_device"]
