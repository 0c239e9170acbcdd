"""Files in the layout of releases, with weights that are made from the names of the tensors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

ORACLE = Path(__file__).parents[3] / "shared" / "oracle"
"""Outputs of the networks as released, with weights of this rule; tests that need them are skipped without."""


def value(name: str, shape: Sequence[int]) -> Tensor:
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))
    leaf, shape = name.rsplit(".", 1)[-1], tuple(shape)
    if leaf == "running_var":
        made = rng.uniform(0.5, 1.5, shape)
    elif leaf == "running_mean":
        made = 0.1 * rng.standard_normal(shape)
    elif len(shape) <= 1:
        made = 0.1 * rng.standard_normal(shape) + (leaf == "weight")
    else:
        made = rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
    return torch.from_numpy(made.astype(np.float32))


def tensors(shapes: Mapping[str, Sequence[int]]) -> dict[str, Tensor]:
    return {name: value(name, shape) for name, shape in shapes.items()}


def shapes_of(module: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a module's floating-point tensors."""
    return {name: tuple(t.shape) for name, t in module.state_dict().items() if t.is_floating_point()}


def oracle(name: str) -> tuple[dict[str, Tensor], Any]:
    """The tensors of a released network, and its input and outputs."""
    shapes = json.loads((ORACLE / f"{name}.json").read_text(encoding="utf-8"))
    return tensors(shapes), np.load(ORACLE / f"{name}.npz")
