"""Feature extractors: they turn each image (and each caption, with a text tower) into one vector.

An encoder is a class of the entry-point group `bench.encoders` that derives from `metrics.encoders.base.Encoder`
and is made as `Class(weights, device)`. Its class methods `weights`, `identify` and `label` answer without torch.
"""

from __future__ import annotations

from typing import NamedTuple


class EncoderSpec(NamedTuple):
    """An encoder as a user names it, by entry point and argument: `torchscript:/path/file.pt` or `clip-vit-b-32`."""

    name: str
    argument: str | None


def resolve(spec: str) -> EncoderSpec:
    """Split an encoder's spec into the name of its entry point and its argument.

    >>> resolve("torchscript:/weights/net.pt")
    EncoderSpec(name='torchscript', argument='/weights/net.pt')
    """
    name, colon, argument = spec.partition(":")
    return EncoderSpec(name, argument if colon else None)
