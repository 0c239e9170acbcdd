"""Files of weights that others released: read without running their code, and compared with a network."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.errors import DataError

COUNTER = "num_batches_tracked"
"""Buffers of batch normalisation that some files lack; no prediction depends on them."""


def read_file(path: Path, expected: str) -> Mapping[str, Any]:
    """Return what a PyTorch file holds, on the CPU; only tensors and plain values are unpickled.

    Args:
        path: the file.
        expected: which file is meant, for the error.

    Raises:
        DataError: the file cannot be read in this way, or holds no mapping.
    """
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, zipfile.BadZipFile, pickle.UnpicklingError) as error:
        raise DataError(
            f"Cannot read the weights at {path}", got=(str(error).splitlines() or ["nothing"])[0], fix=f"use {expected}"
        ) from error
    if not isinstance(held, Mapping):
        raise DataError(f"The file {path} holds no tensors by name", got=type(held).__name__, fix=f"use {expected}")
    return held


def tensors_of(held: Mapping[str, Any], section: str) -> dict[str, Tensor]:
    """Return the tensors of a section of a file, or of the whole file if it has no such section.

    The prefix `module.`, which training on several devices adds to every name, is removed.
    """
    state = held.get(section, held)
    tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    if tensors and all(name.startswith("module.") for name in tensors):
        return {name.removeprefix("module."): value for name, value in tensors.items()}
    return tensors


def load_fitting(
    module: nn.Module, tensors: Mapping[str, Tensor], what: str, path: Path, *, unused: Iterable[str] = ()
) -> None:
    """Load tensors into a module; all but the counters of batch normalisation must be there, and no others.

    Args:
        module: the network.
        tensors: the tensors by the module's names.
        what: the network, for the error.
        path: the file, for the error.
        unused: ends of names of tensors that may be in the file although the module has none of them.

    Raises:
        DataError: names or shapes differ; the error counts and names the tensors.
    """
    wanted = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    ends = tuple(unused)
    found = {name: value for name, value in tensors.items() if name in wanted or not (ends and name.endswith(ends))}
    faults = {
        "missing": [name for name in wanted if name not in found and not name.endswith(COUNTER)],
        "that do not belong to it": [name for name in found if name not in wanted],
        "of another shape": [name for name in wanted if name in found and tuple(found[name].shape) != wanted[name]],
    }
    if any(faults.values()):
        differences = [f"{len(names)} tensors {how}, {names[0]} first" for how, names in faults.items() if names]
        raise DataError(
            f"The weights in {path} do not fit {what}",
            got="; ".join(differences),
            fix="use a file of this network, or the settings that it was trained with",
        )
    module.load_state_dict(found, strict=False)
