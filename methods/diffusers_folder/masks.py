"""Label maps in the form that a ControlNet reads: colours or one-hot channels by class name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from jaxtyping import Float32, Int

from bench.errors import ConfigError
from methods.diffusers_folder.config import BACKGROUND, OTHERS, MaskSettings

Value = TypeVar("Value")


def encode_mask(
    labels: Int[np.ndarray, "h w"], classes: Sequence[str], settings: MaskSettings
) -> Float32[np.ndarray, "h w c"]:
    """Return a label map (0 background, 1..C) as colours or channels, in the range of the settings.

    Raises:
        ConfigError: the settings do not name a class of the dataset.
    """
    table = _colour_table(classes, settings) if settings.colours else _channel_table(classes, settings)
    scale = np.float32(1 if settings.range == "0-1" else 255)
    return np.asarray(table[labels] * scale, np.float32)


def check_mapping(classes: Sequence[str], mapping: Mapping[str, object], setting: str) -> None:
    """Check that a mapping names every class of a dataset; other names, of other datasets, are allowed.

    Raises:
        ConfigError: it does not name a class.
    """
    for name in classes:
        if name not in mapping and OTHERS not in mapping:
            near = difflib.get_close_matches(name, mapping, n=1, cutoff=0.5)
            meant = f"did you mean {name!r} instead of {near[0]!r}? " if near else ""
            raise ConfigError(
                f"The setting method.{setting} does not name the class {name!r} of the dataset",
                got=f"{', '.join(mapping)}; the dataset has {', '.join(classes)}",
                fix=f"{meant}--set method.{setting}.{name}=..., or '{OTHERS}' for all classes that are not listed",
            )


def entry_of(mapping: Mapping[str, Value], name: str) -> Value:
    """Return the entry of a class, or that of all classes that are not listed."""
    return mapping[name] if name in mapping else mapping[OTHERS]


def _colour_table(classes: Sequence[str], settings: MaskSettings) -> Float32[np.ndarray, "k 3"]:
    check_mapping(classes, settings.colours, "mask.colours")
    colours = [settings.colours.get(BACKGROUND, (0, 0, 0)), *(entry_of(settings.colours, name) for name in classes)]
    return np.array(colours, np.float32) / np.float32(255)


def _channel_table(classes: Sequence[str], settings: MaskSettings) -> Float32[np.ndarray, "k c"]:
    check_mapping(classes, settings.channels, "mask.channels")
    table = np.zeros((1 + len(classes), 1 + max(settings.channels.values())), np.float32)
    for row, name in enumerate(classes, 1):
        table[row, entry_of(settings.channels, name)] = 1
    if BACKGROUND in settings.channels:
        table[0, settings.channels[BACKGROUND]] = 1
    return table
