"""Masks as the control branch gets them: coloured classes, coloured edges of instances, and the null mask.

Colours belong to names of classes, not to ids, because datasets and code bases number the same classes differently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int32, UInt8

from bench.errors import ConfigError, DataError
from methods.sdm.condition import instance_edges

NULL = 10
"""The value of every channel of the null mask: "nothing is known", unlike black, which is background (PathDiff)."""

WHITE = (255, 255, 255)
Colour = tuple[int, int, int]

# colours of ids 1 to 8 in the release; 9 is white, which marks edges
TABLE: tuple[Colour, ...] = (
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 0),
    (255, 0, 255),
    (0, 255, 255),
    (255, 165, 0),
    (128, 128, 128),
)

# the order of classes in which PathDiff numbers those of its datasets
ORDERS: tuple[tuple[str, ...], ...] = (
    ("neoplastic", "inflammatory", "connective", "dead", "epithelial"),  # PanNuke
    ("neutrophil", "epithelial", "lymphocyte", "plasma", "eosinophil", "connective"),  # CoNIC
    ("epithelial", "lymphocyte", "neutrophil", "macrophage", "ambiguous"),  # MoNuSAC
)


def palette(classes: Sequence[str], given: Mapping[str, Colour]) -> dict[str, Colour]:
    """Return the colour of each class.

    Classes of one of the release's datasets have its colours, whatever their order here. Those of another dataset have
    the colours of the table in alphabetical order. `given` replaces single colours.

    Raises:
        ConfigError: there are more classes than colours, `given` names another class, or two classes have one colour.
    """
    unknown = sorted(given.keys() - set(classes))
    if unknown:
        raise ConfigError(
            "Only classes of the dataset can have colours", got=f"{unknown}", fix=f"use names of {list(classes)}"
        )
    known = next((order for order in ORDERS if set(classes) <= set(order)), tuple(sorted(classes)))
    if len(known) > len(TABLE) and not set(classes) <= given.keys():
        raise ConfigError(
            f"There are colours for {len(TABLE)} classes",
            got=f"{len(classes)} classes",
            fix="give every class a colour: method.control.colours",
        )
    table = dict(zip(known, TABLE, strict=False))
    found = {name: given.get(name, table.get(name, WHITE)) for name in classes}
    if len(set(found.values()) | {(0, 0, 0), WHITE}) < len(found) + 2:
        raise ConfigError(
            "Every class needs a colour of its own, other than black and white", got=str(found), fix="change colours"
        )
    return found


def encode(
    instances: Int32[np.ndarray, "h w"],
    types: UInt8[np.ndarray, " n"],
    colours: Sequence[Colour],
    *,
    edges: bool,
) -> UInt8[np.ndarray, "k h w"]:
    """Return the hint of a label map: RGB of the classes, and RGB of the edges of instances if `edges`.

    Args:
        instances: the instance map, ids in 1..n.
        types: class of instance i + 1, in 1..C.
        colours: colour of class i + 1.
        edges: whether to add three channels that are white on both sides of every boundary.
    """
    table = np.concatenate([np.zeros((1, 3), np.uint8), np.array(colours, np.uint8).reshape(-1, 3)])
    painted: np.ndarray = table[np.append(np.uint8(0), types)[instances]].transpose(2, 0, 1)
    if not edges:
        return painted
    marked = np.where(instance_edges(instances), np.uint8(255), np.uint8(0))
    return np.concatenate([painted, np.repeat(marked[None], 3, axis=0)])


def null_hint(channels: int, size: int) -> UInt8[np.ndarray, "k h w"]:
    """Return the null mask."""
    return np.full((channels, size, size), NULL, np.uint8)


def channels(edges: bool) -> int:
    """Return the number of channels of hints."""
    return 6 if edges else 3


def colours_of(classes: Sequence[str], painted: Mapping[str, Colour]) -> list[Colour]:
    """Return the colour of each class of a dataset, by name, for a branch that was trained with `painted`.

    Raises:
        DataError: the branch was not trained on one of the classes.
    """
    unknown = [name for name in classes if name not in painted]
    if unknown:
        raise DataError(
            "The control branch was trained on other classes", got=f"{unknown}", fix=f"use {sorted(painted)}"
        )
    return [painted[name] for name in classes]
