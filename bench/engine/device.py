"""The device that a run uses, found without importing torch if that can be avoided."""

from __future__ import annotations

import shutil
from typing import NamedTuple

from bench.errors import MissingError
from bench.extras import check_installed


class Device(NamedTuple):
    """A device kind (`cpu`, `cuda`, `mps`) and its name as it is shown to users."""

    kind: str
    name: str


def resolve_device(wanted: str) -> Device:
    """Return the device for `auto`, `cpu`, `cuda` or `mps`.

    `auto` takes a CUDA GPU if the driver's `nvidia-smi` is on the path and torch finds one, and a CPU otherwise.

    Raises:
        MissingError: the device does not exist, or torch is not installed.
    """
    check_installed("torch")
    if wanted == "cpu" or (wanted == "auto" and shutil.which("nvidia-smi") is None):
        return Device("cpu", "CPU")
    import torch

    if torch.cuda.is_available() and wanted in {"auto", "cuda"}:
        return Device("cuda", torch.cuda.get_device_name())
    if wanted == "auto":
        return Device("cpu", "CPU")
    if wanted == "mps" and torch.backends.mps.is_available():
        return Device("mps", "Apple GPU")
    raise MissingError(f"There is no device of kind {wanted!r}", got="torch finds none", fix="use --device cpu")
