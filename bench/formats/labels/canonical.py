"""The canonical form of labels: ids exactly 1..n, one class per instance, the rest recomputed from maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int32, Num, UInt8

from bench.errors import DataError
from bench.formats.labels.ids import instance_ids


@dataclass(frozen=True)
class NucleusLabels:
    """An instance map with ids exactly 1..n and the class id of each instance."""

    instances: Int32[np.ndarray, "h w"]
    types: UInt8[np.ndarray, " n"]


def canonical_labels(
    instance_map: Num[np.ndarray, "h w"], type_map: Num[np.ndarray, "h w"], where: str, *, unclassed: bool = False
) -> NucleusLabels:
    """Return canonical labels of an instance map and a class map; the order of ids is kept.

    Args:
        instance_map: any ids, 0 is background.
        type_map: class ids 1..255 inside instances; outside them it must be 0.
        where: the file, for errors.
        unclassed: whether a nucleus may have class 0, as predictions may; not in a dataset.

    Raises:
        DataError: `instance_ids` rejects the ids, the maps differ in size, or an instance has two classes or
            none.
    """
    if instance_map.ndim != 2 or instance_map.shape != type_map.shape:
        got = f"{instance_map.shape} and {type_map.shape}"
        raise DataError(f"Instance and type map in {where} differ in size or are not (h, w)", got=got)
    ids = instance_ids(instance_map, where)
    classes = whole_numbers(type_map, f"class ids in {where}", 255)
    instances, names = contiguous(ids)
    n_kinds = int(classes.max()) + 1
    # the (instance, class) pairs that occur; counting is ten times as fast as sorting
    pairs = np.flatnonzero(np.bincount((instances.astype(np.int64) * n_kinds + classes).ravel()))
    owner, kind = pairs // n_kinds, pairs % n_kinds
    if np.any(stray := kind[owner == 0]):
        raise DataError(
            f"Classes outside of nuclei are not 0 in {where}", got=f"class {int(stray.max())} on background"
        )
    owner, kind = owner[owner > 0], kind[owner > 0]
    if len(owner) != len(names):
        twice = owner[:-1][owner[:-1] == owner[1:]]
        mixed = kind[owner == twice[0]].tolist()
        raise DataError(
            f"An instance has several classes in {where}",
            got=f"classes {mixed} in instance {names[twice[0] - 1]}; {len(np.unique(twice))} such instances",
        )
    if not unclassed and not kind.all():
        raise DataError(f"An instance has no class in {where}", got=f"no class for instance {names[kind == 0][0]}")
    return NucleusLabels(instances, kind.astype(np.uint8))


def whole_numbers(array: Num[np.ndarray, "*shape"], what: str, largest: int) -> Int32[np.ndarray, "*shape"]:
    """Return an array of whole numbers 0..`largest` as int32.

    Raises:
        DataError: a value is fractional, not finite, negative or too large.
    """
    if array.dtype.kind not in "biuf":
        raise DataError(f"The {what} are not numbers", got=str(array.dtype))
    if array.size == 0:
        raise DataError(f"There are no {what}", got=f"an empty array {array.shape}")
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= largest):  # also false for NaN
        raise DataError(f"The {what} are not in 0..{largest}", got=f"{low}..{high}")
    whole = array.astype(np.int32)
    if array.dtype.kind == "f" and not np.array_equal(whole, array):
        odd = array[whole != array]
        raise DataError(f"The {what} are not whole numbers", got=f"{odd.flat[0]}; {odd.size} pixels are fractional")
    return whole


def contiguous(ids: Int32[np.ndarray, "h w"]) -> tuple[Int32[np.ndarray, "h w"], Int32[np.ndarray, " n"]]:
    """Return ids renumbered to exactly 1..n in their order, and the old id of each."""
    dense = ids.size > 0 and ids.max() <= 4 * ids.size
    names = np.flatnonzero(np.bincount(ids.ravel())).astype(np.int32) if dense else np.unique(ids)
    names = names[names > 0]
    if len(names) == 0 or names[-1] == len(names):
        return ids, names
    return np.where(ids > 0, np.searchsorted(names, ids) + 1, 0).astype(np.int32), names


def centroids(instances: Int32[np.ndarray, "h w"]) -> Float64[np.ndarray, "n 2"]:
    """Return the centre of mass of each instance as (x, y), x along columns: the order of `inst_centroid`."""
    rows, columns = np.nonzero(instances)
    owner = instances[rows, columns]
    area = np.bincount(owner)[1:]
    x, y = (np.bincount(owner, weights=axis)[1:] for axis in (columns, rows))
    return np.stack([x / area, y / area], axis=1)
