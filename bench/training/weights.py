"""Weights on disk: safetensors files, written under a temporary name and then renamed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from bench.atomic import replacing
from bench.errors import DataError


def save_weights(path: Path, module: torch.nn.Module, metadata: Mapping[str, str] | None = None) -> None:
    """Write a module's parameters and buffers to `path` (`.safetensors`), contiguous and on the CPU."""
    tensors = {name: t.detach().cpu().contiguous().clone() for name, t in module.state_dict().items()}
    with replacing(path, sole=True) as temporary:  # in the folder of a step, which has a lock
        save_file(tensors, temporary, metadata=dict(metadata or {}))


def load_weights(path: Path, module: torch.nn.Module) -> None:
    """Load `path` into `module`, strictly.

    Raises:
        DataError: the file is unreadable, or its tensors do not fit the module.
    """
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise DataError(f"Cannot read the weights at {path}", got=str(error)) from error
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise DataError(
            f"The weights in {path} do not fit {type(module).__name__}",
            got=str(error).splitlines()[0],
            fix="use the configuration that the weights were trained with",
        ) from error
