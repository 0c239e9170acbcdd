"""What the tensors of a network in the layout of ADM (guided-diffusion) say about its size.

SDM's networks and HistoDiffusion's classifiers have this layout: residual blocks that also halve the side, and
attention behind some of them. No tensor shows the number of groups, the number of channels per head, or the order of
queries, keys and values (the original's default is assumed: for each head its own).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from bench.errors import DataError

# as in the releases, where the shapes leave a choice
_USUAL_BLOCKS = 2


class Levels(NamedTuple):
    """Size of an encoder: `width` at multiplier 1, and for each level its multiplier and whether it has attention."""

    width: int
    multipliers: tuple[float, ...]
    blocks: int
    attends: tuple[bool, ...]


def levels_of(tensors: Mapping[str, Tensor], blocks: int | None = None) -> Levels:
    """Read the levels of an encoder off its tensors.

    A block that halves the side looks like the others. What separates the levels is that channels change only at a
    level's first block, and that attention follows all blocks of a level or none. Where several numbers of `blocks` per
    level fit and none is given, 2 is taken, as in the releases.

    Raises:
        DataError: the tensors are not those of such a network, or fit several numbers of blocks.
    """
    embedding = tensors.get("time_embed.0.weight")
    if embedding is None or embedding.ndim != 2 or "input_blocks.1.0.in_layers.2.weight" not in tensors:
        raise DataError(
            "The checkpoint must hold a network in the layout of ADM",
            got="no time_embed.0.weight and input_blocks.1.0.in_layers.2.weight",
            fix="use a bare state dict, as the original code saves it",
        )
    widths, attends = _blocks(tensors)
    fitting = [count for count in range(1, len(widths) + 1) if _fits(widths, attends, count)]
    chosen = blocks
    if chosen is None:
        chosen = fitting[0] if len(fitting) == 1 else _USUAL_BLOCKS
    if chosen not in fitting:
        raise DataError(
            "The number of residual blocks per level cannot be read off the checkpoint"
            if blocks is None
            else f"The checkpoint has no levels of {blocks} residual blocks",
            got=f"{len(widths)} blocks, which fit {' or '.join(map(str, fitting)) or 'no number'} per level",
            fix="give `blocks` as in its training",
        )
    width, firsts = embedding.shape[1], range(0, len(widths), chosen + 1)
    return Levels(width, tuple(widths[at] / width for at in firsts), chosen, tuple(bool(attends[at]) for at in firsts))


def _blocks(tensors: Mapping[str, Tensor]) -> tuple[list[int], list[bool]]:
    """Return the channels of all blocks of the encoder, and whether attention follows each."""
    count = 1 + max(int(found[1]) for name in tensors if (found := re.match(r"input_blocks\.(\d+)\.", name)))
    widths, attends = [], []
    for number in range(1, count):
        weight = tensors.get(f"input_blocks.{number}.0.in_layers.2.weight")
        if weight is None:
            raise DataError(
                "Every input block of the network must be a residual block",
                got=f"another one, input_blocks.{number}",
                fix="choose a checkpoint that was trained with resblock_updown True; no other can be read",
            )
        step = tensors.get(f"input_blocks.{number}.0.emb_layers.1.weight")
        if step is not None and len(step) != 2 * len(weight):
            raise DataError(
                "The steps of the network must scale and shift its features",
                got=f"{len(step)} channels for the step of {len(weight)}, in input_blocks.{number}",
                fix="choose a checkpoint that was trained with use_scale_shift_norm True; no other can be read",
            )
        widths.append(len(weight))
        attends.append(f"input_blocks.{number}.1.qkv.weight" in tensors)
    return widths, attends


def _fits(widths: list[int], attends: list[bool], blocks: int) -> bool:
    """Tell whether blocks, with one more between levels that halves the side, can be levels of `blocks` each."""
    step = blocks + 1
    if (len(widths) + 1) % step:
        return False
    return all(
        widths[at] == widths[at - at % step] and attends[at] == (attends[at - at % step] and at % step < blocks)
        for at in range(len(widths))
    )
