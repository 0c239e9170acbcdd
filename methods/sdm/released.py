"""SDM's networks as the original repositories save them, read into ours, which has the same names and shapes.

The original code (SDM, DiffMix) saves two bare state dicts: the moving average as `ema_0.9999_N.pt` and the last
weights as `modelN.pt`. A file with both, `{"ema": ..., "model": ...}`, is read too.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from bench.errors import DataError
from methods.adm_layout import levels_of
from methods.latent.checkpoints import check_fit, read_checkpoint
from methods.sdm.condition import channels
from methods.sdm.config import NetworkSettings, ReleasedSDMPart, ReleasedWeights
from methods.sdm.model import Flags, make_network, save_model
from methods.sdm.network import SDMNetwork

FIRST_LABELS = "middle_block.0.in_norm.mlp_shared.0.weight"
# groups of the release's norms, and heads per multiplier (64 channels at width 256); no tensor shows either
GROUPS, HEADS = 32, 4


def keep_sdm(part: ReleasedSDMPart, file: Path, out: Path) -> None:
    """Read a released network, and write the files that `train_sdm` would write to `out`."""
    network, flags = read_sdm(part, file)
    save_model(out, network, flags)


def read_sdm(part: ReleasedSDMPart, file: Path) -> tuple[SDMNetwork, Flags]:
    """Return a released network, and the flags that sampling must agree with.

    Raises:
        DataError: the file does not fit the settings.
    """
    tensors, kind = read_tensors(file, part.released_weights)
    classes = class_count(tensors)
    network = make_network(part, classes)
    load_released_sdm(network, tensors, described(tensors, part.patch_size, part.network.blocks))
    return network, Flags(part=part, classes=classes, centre=(0.0, 0.0, 0.0), weights=kind)


def load_released_sdm(network: SDMNetwork, tensors: Mapping[str, Tensor], seen: str | None = None) -> None:
    """Load a released state dict into a network of its size.

    Raises:
        DataError: the tensors are not those of such a network.
    """
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    check_fit("the network of SDM", tensors, wanted, seen)
    network.load_state_dict(dict(tensors))


def read_tensors(file: Path, choice: ReleasedWeights) -> tuple[dict[str, Tensor], str]:
    """Return the state dict of a file, and which weights they are: the average, the last ones, or as the name says."""
    held = _nested(file)
    if held:
        marked = {name: "average" if "ema" in name.lower() else "last" for name in held}
        found = [name for name, kind in marked.items() if kind == choice]
        if len(found) != 1:
            raise DataError(
                f"The file {file} must hold one state dict of the weights {choice!r}",
                got=", ".join(f"{name} ({kind})" for name, kind in marked.items()),
                fix="set released_weights to the other, or use a bare state dict",
            )
        return held[found[0]], f"released, {choice}"
    named = {"ema": "average by its name", "model": "last by its name"}
    kind = next((kind for start, kind in named.items() if file.name.startswith(start)), "not known which")
    return read_checkpoint(file), f"released, {kind}"


def class_count(tensors: Mapping[str, Tensor]) -> int:
    """Return the number of nucleus classes: channels of the labels without background and edges.

    Raises:
        DataError: the tensors are not those of SDM.
    """
    first = tensors.get(FIRST_LABELS)
    if first is None or first.ndim != 4:
        raise DataError(
            "The checkpoint must hold a network of SDM, whose middle reads label maps",
            got=f"no {FIRST_LABELS}",
            fix="use ema_0.9999_N.pt or modelN.pt of the original code",
        )
    return int(first.shape[1]) - channels(0)


def classes_of(file: Path) -> int:
    """Return the number of nucleus classes of a released file; the file is read again only if it has changed."""
    status = file.stat()
    return _classes_of(file, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=32)
def _classes_of(file: Path, size: int, mtime_ns: int) -> int:
    held = _nested(file)
    return class_count(next(iter(held.values())) if held else read_checkpoint(file))


def network_settings(tensors: Mapping[str, Tensor], patch_size: int, blocks: int | None = None) -> NetworkSettings:
    """Return the settings of a released network.

    All but `head_channels` and `groups` are read off the tensors. Every level has as many heads as in the release: 64
    channels at width 256, and in proportion at other widths.
    """
    levels = levels_of(tensors, blocks)
    sizes = [patch_size // 2**level for level in range(len(levels.attends))]
    return NetworkSettings(
        width=levels.width,
        multipliers=levels.multipliers,
        blocks=levels.blocks,
        attention=tuple(size for size, attends in zip(sizes, levels.attends, strict=True) if attends),
        head_channels=max(levels.width // HEADS, 1),
        label_channels=len(tensors[FIRST_LABELS]),
        groups=GROUPS,
    )


def learned_variance(tensors: Mapping[str, Tensor]) -> bool:
    """Return whether variance logits follow the channels of the prediction."""
    return "out.2.weight" in tensors and len(tensors["out.2.weight"]) == 6


def described(tensors: Mapping[str, Tensor], patch_size: int, blocks: int) -> str:
    """Return the settings that a file shows, in the form in which they are given."""
    shown = network_settings(tensors, patch_size, blocks).model_dump(exclude={"head_channels", "groups", "dropout"})
    values = [f"network.{name} {list(v) if isinstance(v, tuple) else v}" for name, v in shown.items()]
    return f"it has {', '.join(values)}, diffusion.learned_variance {str(learned_variance(tensors)).lower()}"


def _nested(file: Path) -> dict[str, dict[str, Tensor]]:
    """Return the state dicts of a file that holds them under names; empty for a bare one."""
    if file.suffix == ".safetensors":
        return {}
    try:
        held = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, OSError, EOFError, RuntimeError):
        return {}  # `read_checkpoint` reports it
    if not isinstance(held, Mapping):
        return {}
    found = {
        str(name): {key: tensor for key, tensor in value.items() if isinstance(tensor, Tensor)}
        for name, value in held.items()
        if isinstance(value, Mapping)
    }
    found = {name: tensors for name, tensors in found.items() if FIRST_LABELS in tensors}
    return {} if list(found) == ["state_dict"] else found
