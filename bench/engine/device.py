"""The device that a run uses, found without importing torch if that can be avoided."""

from __future__ import annotations

import os
import shutil
from typing import NamedTuple

from bench.errors import MissingError
from bench.extras import check_installed


class Device(NamedTuple):
    """A device kind (`cpu`, `cuda`, `mps`), its name as it is shown to users, and how many share a training."""

    kind: str
    name: str
    number: int = 1


def resolve_device(wanted: str, count: int = 1, *, elsewhere: bool = False) -> Device:
    """Return the device for `auto`, `cpu`, `cuda` or `mps`, of which `count` share a training.

    `auto` takes a CUDA GPU if the driver's `nvidia-smi` is on the path and torch finds one, and a CPU otherwise. On a
    CPU any number of processes may share a training, as tests do, which saves no time. If steps are done `elsewhere`,
    on the nodes of a cluster, `cuda` is theirs and is not looked for here.

    Raises:
        MissingError: the device does not exist, there are fewer than `count`, or torch is not installed.
    """
    if elsewhere and wanted == "cuda":
        return Device("cuda", "a GPU of the cluster")
    device = _find(wanted)
    there = _number(device.kind, count)
    if count > there:
        raise MissingError(
            f"--devices asks for {count} devices of kind {device.kind!r}", got=f"{there}", fix=f"use --devices {there}"
        )
    return device._replace(number=count)


def loading_workers(device: Device) -> int:
    """Return the number of processes that load data during a training, so that a GPU does not wait for them."""
    return min(4, max(0, (os.cpu_count() or 1) - 1)) if device.kind == "cuda" else 0


def _number(kind: str, count: int) -> int:
    if kind == "cpu" or count == 1:
        return count
    if kind == "mps":
        return 1
    import torch

    return torch.cuda.device_count()


def _find(wanted: str) -> Device:
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
