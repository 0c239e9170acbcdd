"""Loads weights from a file into a network: no code in the file is executed, and every tensor must fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from bench.errors import DataError

if TYPE_CHECKING:
    import torch

# Keys under which training scripts store the weights, and the prefix that data-parallel training adds to their names.
_WRAPPERS = ("state_dict", "model")
_PARALLEL = "module."

# The errors that a truncated file, or a file of another kind, raises.
_UNREADABLE = (RuntimeError, UnpicklingError, EOFError, OSError, ValueError, LookupError, AttributeError, TypeError)


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a safetensors file or a pickled state dict, as float32 on the CPU.

    Raises:
        DataError: the file is neither, or it contains code.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    state: Any
    try:
        if path.suffix == ".safetensors":
            state = load_file(str(path))
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (*_UNREADABLE, SafetensorError) as error:
        raise DataError(
            f"{path} does not contain a state dict of tensors",
            got=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'an empty file'}",
            fix="use the published file; files that contain code are never loaded",
        ) from error
    for key in _WRAPPERS:
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise DataError(f"{path} does not contain a state dict of tensors", got=type(state).__name__)
    return {
        str(name).removeprefix(_PARALLEL): value.float() if value.is_floating_point() else value
        for name, value in state.items()
    }


def load_exactly(
    network: torch.nn.Module,
    state: Mapping[str, torch.Tensor],
    path: Path,
    title: str,
    spare: Sequence[str] = (),
) -> None:
    """Load a state dict; only tensors whose names begin with one of `spare` may be left over.

    Raises:
        DataError: a tensor is missing, unexpected or of another shape.

    >>> import torch
    >>> layer = torch.nn.Linear(1, 1)
    >>> load_exactly(layer, {"weight": torch.ones(1, 1), "bias": torch.ones(1)}, Path("layer.pt"), "a layer")
    >>> layer.weight.item()
    1.0
    """
    wanted = network.state_dict()
    missing = sorted(set(wanted) - set(state))
    surplus = sorted(name for name in set(state) - set(wanted) if not name.startswith(tuple(spare)))
    shapes = sorted(name for name in set(state) & set(wanted) if state[name].shape != wanted[name].shape)
    for problem, names in (("lacks", missing), ("holds also", surplus), ("has other shapes for", shapes)):
        if names:
            some = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            raise DataError(
                f"{path} does not contain the weights of {title}",
                got=f"a file that {problem} {some}",
                fix="point to the published file of this model",
            )
    network.load_state_dict({name: state[name] for name in wanted})
