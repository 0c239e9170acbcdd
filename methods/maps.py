"""Label maps that no tile has: nuclei are moved a little (DiffMix's enlarging maps)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Int32, UInt8
from pydantic import Field
from scipy import ndimage

from bench.contract import Settings
from methods.lengths import scaled
from methods.patches import drop_vanished


class EnlargingSettings(Settings):
    """How nuclei are moved: "random 0 to 3 pixels" (hvcl/DiffMix, issue 3); share and sign are unpublished."""

    max_shift: int = Field(3, ge=0)  # pixels at 40x, along each axis
    share: float = Field(0.5, ge=0, le=1)  # share of the nuclei that move
    signed: bool = True  # to any side, or else only down and right


class EnlargedMap(NamedTuple):
    """A label map after moving; `origin[i]` is the previous id of instance i + 1, `shifts[i]` its (rows, columns)."""

    instances: Int32[np.ndarray, "h w"]
    types: UInt8[np.ndarray, " k"]
    origin: Int32[np.ndarray, " k"]
    shifts: Int32[np.ndarray, "k 2"]


def enlarge(
    instances: Int32[np.ndarray, "h w"],
    types: UInt8[np.ndarray, " n"],
    settings: EnlargingSettings,
    mpp: float,
    rng: np.random.Generator,
    *,
    min_area: int = 0,
) -> EnlargedMap:
    """Move each of a random selection of nuclei by a few pixels.

    Nuclei are written in random order, later ones over earlier ones. A nucleus is dropped if it is covered or leaves
    the map, or if it loses pixels and keeps fewer than `min_area`. Nuclei keep their classes.

    Args:
        instances: ids in 1..n.
        types: class of instance i + 1.
        settings: shifts in pixels at 40x.
        mpp: micrometres per pixel; shifts are scaled, and are at least 1 pixel unless 0.
        rng: draws the nuclei, the shifts and the order.
        min_area: in pixels.
    """
    shifts = _draw_shifts(len(types), settings, scaled(settings.max_shift, mpp), rng)
    moved, whole = _write(instances, shifts, rng.permutation(len(types)))
    left = np.bincount(moved.ravel(), minlength=len(types) + 1)[1:]
    fragment = (left < whole) & (left < min_area)
    moved = np.where(np.append(False, fragment)[moved], np.int32(0), moved)
    kept = np.flatnonzero((left > 0) & ~fragment)
    return EnlargedMap(*drop_vanished(moved, types), (kept + 1).astype(np.int32), shifts[kept])


def _draw_shifts(
    n: int, settings: EnlargingSettings, largest: int, rng: np.random.Generator
) -> Int32[np.ndarray, "n 2"]:
    moves = rng.random(n) < settings.share
    lowest = -largest if settings.signed else 0
    shifts = rng.integers(lowest, largest, size=(n, 2), endpoint=True)
    return np.where(moves[:, None], shifts, 0).astype(np.int32)


def _write(
    instances: Int32[np.ndarray, "h w"], shifts: Int32[np.ndarray, "n 2"], order: np.ndarray
) -> tuple[Int32[np.ndarray, "h w"], Int32[np.ndarray, " n"]]:
    """Write every nucleus at its new position; the returned areas are those before moving."""
    height, width = instances.shape
    boxes = ndimage.find_objects(instances, max_label=len(shifts))
    moved, whole = np.zeros_like(instances), np.zeros(len(shifts), np.int32)
    for place in order:
        box = boxes[place]
        if box is None:
            continue
        rows, columns = np.nonzero(instances[box] == place + 1)
        whole[place] = len(rows)
        rows = rows + box[0].start + shifts[place, 0]
        columns = columns + box[1].start + shifts[place, 1]
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        moved[rows[inside], columns[inside]] = place + 1
    return moved, whole
