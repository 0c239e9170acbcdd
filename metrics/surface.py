"""Hausdorff distance of two masks at a percentile, in both definitions of HD95 in the literature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64
from scipy import ndimage

from bench.errors import DataError

Definition = Literal["max", "concatenated"]


@dataclass(frozen=True)
class HausdorffDistance:
    """A surface distance in pixels: 0 for equal masks, at most the image's diagonal.

    NaN when both masks are empty (`both_empty`, the image does not count) and the diagonal when one is
    (`one_empty`), so that a missed image does not improve the mean.
    """

    value: float
    both_empty: bool
    one_empty: bool


def hausdorff(
    true: Bool[np.ndarray, "h w"],
    pred: Bool[np.ndarray, "h w"],
    *,
    percentile: float = 95.0,
    definition: Definition = "max",
) -> HausdorffDistance:
    """Return the Hausdorff distance of two foregrounds at a percentile.

    Args:
        true: foreground of the truth.
        pred: foreground of the prediction.
        percentile: 95 for HD95, 100 for the Hausdorff distance.
        definition: `max` takes the larger of the two directed percentiles (MONAI, DeepMind's surface-distance);
            `concatenated` one percentile over both directions together (MedPy).

    A surface is the mask minus its erosion by a cross. MONAI gives NaN if one mask is empty, and its mean leaves the
    image out.

    Raises:
        DataError: the masks are not bool or differ in shape.

    >>> square, shifted = np.zeros((2, 32, 32), dtype=bool)
    >>> square[2:10, 2:10] = shifted[2:10, 4:12] = True
    >>> hausdorff(square, shifted).value
    2.0
    """
    return hausdorff_by_definition(true, pred, percentile=percentile)[definition]


def hausdorff_by_definition(
    true: Bool[np.ndarray, "h w"], pred: Bool[np.ndarray, "h w"], *, percentile: float = 95.0
) -> dict[Definition, HausdorffDistance]:
    """Return the distance in every definition, in the time of one; see :func:`hausdorff`.

    Raises:
        DataError: the masks are not bool or differ in shape.

    >>> square, shifted = np.zeros((2, 32, 32), dtype=bool)
    >>> square[2:10, 2:10] = shifted[2:10, 5:12] = True
    >>> {name: found.value for name, found in hausdorff_by_definition(square, shifted).items()}
    {'max': 3.0, 'concatenated': 3.0}
    """
    if true.dtype != np.bool_ or pred.dtype != np.bool_ or true.shape != pred.shape:
        raise DataError(
            "The arrays are not two bool masks of one shape",
            got=f"{true.dtype} {true.shape} and {pred.dtype} {pred.shape}",
        )
    empty = (not true.any(), not pred.any())
    if any(empty):
        value = float("nan") if all(empty) else float(np.hypot(*true.shape))
        same = HausdorffDistance(value, both_empty=all(empty), one_empty=not all(empty))
        return {"max": same, "concatenated": same}
    there, back = _surface_distances(true, pred)
    values: dict[Definition, float] = {
        "max": max(np.percentile(there, percentile), np.percentile(back, percentile)),
        "concatenated": np.percentile(np.concatenate([there, back]), percentile),
    }
    return {name: HausdorffDistance(float(v), both_empty=False, one_empty=False) for name, v in values.items()}


def _surface_distances(
    true: Bool[np.ndarray, "h w"], pred: Bool[np.ndarray, "h w"]
) -> tuple[Float64[np.ndarray, " a"], Float64[np.ndarray, " b"]]:
    """Return the distance of each surface pixel to the other mask's surface, in both directions."""
    first, second = _surface(true), _surface(pred)
    # Only the box around both surfaces matters for the distance maps.
    rows, columns = (np.flatnonzero((first | second).any(axis=axis)) for axis in (1, 0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    first, second = first[box], second[box]
    to_second, to_first = (ndimage.distance_transform_edt(~surface) for surface in (second, first))
    return to_second[first], to_first[second]


def _surface(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    return np.asarray(mask & ~ndimage.binary_erosion(mask))
