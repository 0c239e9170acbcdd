"""Classifiers in the layout of ADM's code, as HistoDiffusion's release saves them, read into our encoder-UNet.

The file is the bare state dict. Attention in blocks stores for each head its queries, keys and values (the original's
default), and the pooling stores all queries, then all keys, then all values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from bench.errors import DataError
from methods.adm_layout import levels_of
from methods.latent.encoder_unet import EncoderUNet
from methods.latent.released_unet import fill, original_names

PLACES, LOGITS = "out.2.positional_embedding", "out.2.c_proj.weight"
_ENDS = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "norm": "out.0",
    "pool.places": PLACES,
    "pool.qkv": "out.2.qkv_proj",
    "pool.out": "out.2.c_proj",
}


class ClassifierShape(NamedTuple):
    """The size of a classifier as far as its tensors show it; `attention_sizes` are feature sizes."""

    width: int
    multipliers: tuple[float, ...]
    blocks: int
    attention_sizes: tuple[int, ...]
    channels: int
    size: int
    classes: int


def classifier_shape(tensors: Mapping[str, Tensor], blocks: int | None = None) -> ClassifierShape:
    """Read the size of a released classifier off its tensors.

    Raises:
        DataError: the tensors are not those of a classifier with attention pooling.
    """
    classes, levels = class_count(tensors), levels_of(tensors, blocks)
    size = math.isqrt(tensors[PLACES].shape[1] - 1) * 2 ** (len(levels.multipliers) - 1)
    return ClassifierShape(
        levels.width,
        levels.multipliers,
        levels.blocks,
        tuple(size // 2**level for level, attends in enumerate(levels.attends) if attends),
        tensors["input_blocks.0.0.weight"].shape[1],
        size,
        classes,
    )


def class_count(tensors: Mapping[str, Tensor]) -> int:
    """Return the number of classes of a released classifier.

    Raises:
        DataError: the tensors are not those of a classifier with attention pooling.
    """
    if PLACES not in tensors or LOGITS not in tensors:
        raise DataError(
            "The checkpoint must hold a classifier with attention pooling (ADM's encoder-UNet)",
            got=f"no {PLACES if PLACES not in tensors else LOGITS}",
            fix="use the classifier that HistoDiffusion's classifier_train.py saves",
        )
    return len(tensors[LOGITS])


def load_released_classifier(network: EncoderUNet, checkpoint: Mapping[str, Tensor]) -> EncoderUNet:
    """Load a released classifier (its bare state dict).

    Raises:
        DataError: the tensors are not those of such a network, or of this size.
    """
    shape = classifier_shape(checkpoint, network.blocks)
    found = {**checkpoint, PLACES: checkpoint[PLACES].T}
    fill(network, original_names(network, _ENDS), found, "a latent classifier", _described(shape))
    return network


def _described(shape: ClassifierShape) -> str:
    sizes = ", ".join(map(str, shape.attention_sizes)) or "only the smallest"
    multipliers = ", ".join(f"{multiplier:g}" for multiplier in shape.multipliers)
    return (
        f"it has width {shape.width}, multipliers {multipliers}, {shape.blocks} blocks, attention at {sizes}, and "
        f"{shape.classes} classes, for {shape.channels} channels of size {shape.size}"
    )
