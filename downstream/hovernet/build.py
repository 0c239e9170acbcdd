"""The network that a configuration describes, and its sizes."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from downstream.hovernet.config import HoVerNetConfig
from downstream.tiles import Windows, whole


class Sizes(NamedTuple):
    """Sides in pixels of the input and output during training, and how far labels extend beyond the input."""

    patch: int
    output: int
    context: int


def build(config: HoVerNetConfig, n_types: int) -> nn.Module:
    """Return the network with random weights drawn from torch's global generator."""
    if config.network == "small":
        from downstream.hovernet.small import SmallHoVerNet

        return SmallHoVerNet(n_types, config.width)
    from downstream.hovernet.published import PublishedHoVerNet, load_encoder

    network = PublishedHoVerNet(n_types, config.network)
    if config.encoder_weights is not None:
        load_encoder(network, config.encoder_weights)
    return network


def sizes(config: HoVerNetConfig) -> Sizes:
    """Return the sizes of a network during training.

    The published networks see more than they predict. For the small network only the labels extend further, so that a
    nucleus that is cut by the border of a patch has the offsets of the whole nucleus.
    """
    if config.network == "small":
        from downstream.hovernet.small import MARGIN

        return Sizes(config.patch, config.patch, MARGIN)
    from downstream.hovernet.published import OUTPUTS

    return Sizes(config.patch, OUTPUTS[config.network], 0)


def windows(config: HoVerNetConfig, height: int, width: int) -> tuple[Windows, Windows, int]:
    """Return how an image's rows and columns are cut for inference, and how many windows are predicted at a time."""
    if config.network == "small":
        from downstream.hovernet.small import ALIGN, MARGIN

        return whole(height, config.window, MARGIN, ALIGN), whole(width, config.window, MARGIN, ALIGN), 1
    size, output, _ = sizes(config)
    return Windows(height, size, output), Windows(width, size, output), config.window_batch
