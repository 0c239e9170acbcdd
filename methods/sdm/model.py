"""A trained SDM on disk: weights, together with every flag that sampling must agree with."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.contract import RunContext, Settings
from bench.training import load_weights, read_flags, save_weights, write_flags
from methods.sdm.condition import channels
from methods.sdm.config import ReleasedSDMPart, SDMPart
from methods.sdm.network import SDMNetwork

WEIGHTS, FLAGS = "weights.safetensors", "sdm.json"


class Flags(Settings):
    """What was trained or read: the settings of the part, the nucleus classes, and the mean colour that edm subtracts.

    `weights` says which weights of a release they are.
    """

    part: SDMPart | ReleasedSDMPart
    classes: int
    centre: tuple[float, float, float]
    weights: str = "trained"


def make_network(part: SDMPart | ReleasedSDMPart, classes: int) -> SDMNetwork:
    """Return an untrained network."""
    return SDMNetwork(
        part.network,
        channels(classes),
        part.patch_size,
        learned_variance=part.diffusion.learned_variance,
        recompute=isinstance(part, SDMPart) and part.training.recompute,
    )


def centre_of(flags: Flags) -> Float[Tensor, "1 3 1 1"]:
    """Return the mean colour as a tensor."""
    return torch.tensor(flags.centre).view(1, 3, 1, 1)


def save_model(folder: Path, network: nn.Module, flags: Flags) -> None:
    """Write the flags and then the weights to a folder, so that the weights are never without flags."""
    write_flags(folder / FLAGS, flags)
    save_weights(folder / WEIGHTS, network)


def load_model(folder: Path, run: RunContext) -> tuple[nn.Module, Flags]:
    """Load a network from a folder, on the device and in the precision of the run.

    Raises:
        DataError: flags or weights are missing or do not fit each other.
    """
    from bench.training.fabric import Fabric

    flags = read_flags(folder / FLAGS, Flags, "a trained SDM")
    network = make_network(flags.part, flags.classes)
    load_weights(folder / WEIGHTS, network)
    network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    fabric = Fabric(accelerator=run.device, devices=1, precision=run.precision)  # type: ignore[arg-type]
    return fabric.setup_module(network), flags
