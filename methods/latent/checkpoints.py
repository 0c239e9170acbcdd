"""Checkpoint files of the original latent-diffusion code: reading, sections, and comparison with a network."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from bench.errors import DataError

SCALE = "scale_factor"
_CONVERT = (
    'if you trust its source, run: python -c "import torch, safetensors.torch as s; s.save_file({k: v.clone() for k, v'
    " in torch.load('FILE', 'cpu', weights_only=False)['state_dict'].items()}, 'FILE.safetensors')\""
)


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a `.safetensors` file, or of a PyTorch file (its `state_dict`, if it has one), on the CPU.

    No code of the file is run: a file that contains more than tensors and plain values is refused.

    Raises:
        DataError: the file cannot be read in this way, or contains no tensors.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        held = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise DataError(
            f"The checkpoint {path} contains more than tensors and plain values",
            got="objects whose loading would run code of the file, or no PyTorch file",
            fix=_CONVERT.replace("FILE", str(path)),
        ) from error
    except (OSError, EOFError, RuntimeError, SafetensorError) as error:
        raise DataError(f"Cannot read the checkpoint {path}", got=str(error).splitlines()[0]) from error
    held = held.get("state_dict", held) if isinstance(held, Mapping) else {}
    tensors = {name: tensor for name, tensor in held.items() if isinstance(tensor, Tensor)}
    if not tensors:
        raise DataError(
            f"The file {path} has no tensors by name", got="none", fix="use a checkpoint of latent diffusion"
        )
    return tensors


def section(checkpoint: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors under a prefix, without it; all tensors if none has it, as in a file of one network."""
    own = {name.removeprefix(prefix): tensor for name, tensor in checkpoint.items() if name.startswith(prefix)}
    return own or dict(checkpoint)


def check_fit(
    what: str, found: Mapping[str, Tensor], wanted: Mapping[str, tuple[int, ...]], seen: str | None = None
) -> None:
    """Compare names and shapes; `what` is the expected network, `seen` what the checkpoint seems to contain.

    Raises:
        DataError: they differ; the error counts and names the tensors.
    """
    both = sorted(wanted.keys() & found.keys())
    faults = {
        "missing": sorted(wanted.keys() - found.keys()),
        "that do not belong to it": sorted(found.keys() - wanted.keys()),
        "of another shape": [name for name in both if tuple(found[name].shape) != tuple(wanted[name])],
    }
    if any(faults.values()):
        differences = "; ".join(
            f"{len(names)} tensors {how}, first {names[0]}" for how, names in faults.items() if names
        )
        raise DataError(
            f"The checkpoint does not contain {what} with these settings",
            got=differences if seen is None else f"{differences} ({seen})",
            fix="use the settings of `network` that it was trained with",
        )


def scale_of(checkpoint: Mapping[str, Tensor]) -> float | None:
    """Return the factor of latents that a checkpoint contains if it was trained with `scale_by_std`, else None."""
    return float(checkpoint[SCALE]) if SCALE in checkpoint else None
