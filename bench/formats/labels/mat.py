"""Labels in `.mat` files: those of CoNSeP and Lizard, and predictions as HoVer-Net writes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int32, UInt8

from bench.errors import DataError
from bench.formats.labels.arrays import maps_of
from bench.formats.labels.canonical import NucleusLabels, canonical_labels, contiguous, whole_numbers
from bench.formats.labels.ids import LARGEST_ID, instance_ids
from bench.formats.labels.maps import LabelMaps
from bench.formats.labels.matlab import read_variables

# lists of classes, and of the ids that they belong to: HoVer-Net's and Lizard's
_LISTS = {"inst_type": "inst_uid", "class": "id"}


@dataclass(frozen=True)
class MatLabels:
    """Canonical labels of a file, and the centroids stored in it ((x, y), in the file's order) if it has any.

    `inst_type` is not read: it has outdated lengths in GradMix's files, and the maps hold the same.
    """

    labels: NucleusLabels
    stored_centroids: Float64[np.ndarray, "n 2"] | None


def read_mat(path: Path) -> MatLabels:
    """Read the labels of a tile of a dataset with CoNSeP's layout; class ids stay as stored.

    Raises:
        DataError: the file is unreadable, lacks a map, or holds labels that `canonical_labels` rejects.
    """
    content = read_variables(path, ["inst_map", "type_map"], ["inst_centroid"])
    labels = canonical_labels(content["inst_map"], content["type_map"], str(path))
    stored = content.get("inst_centroid")
    if stored is None or stored.shape != (len(labels.types), 2) or stored.dtype.kind not in "fiu":
        return MatLabels(labels, None)
    return MatLabels(labels, stored.astype(np.float64))


def mat_maps(path: Path) -> LabelMaps:
    """Read instances and classes, the latter from `type_map`, else from a list, else none.

    The list `inst_type` (or `class`) holds one class per nucleus: in the order of `inst_uid` (or `id`) if the file has
    it, as HoVer-Net's predictions (and Lizard's labels) do, else in ascending order of id (CoNSeP). A nucleus that
    `inst_uid` leaves out, as HoVer-Net does if a contour has fewer than three points, has class 0.

    Raises:
        DataError: the file is unreadable, has no `inst_map`, or its classes do not fit its nuclei.
    """
    content = read_variables(path, ["inst_map"], ["type_map", *_LISTS, *_LISTS.values()])
    if "type_map" in content:
        return maps_of(content["inst_map"], content["type_map"], path)
    if content["inst_map"].ndim != 2:
        raise DataError(f"inst_map in {path} is not a map (h, w)", got=f"shape {content['inst_map'].shape}")
    instances, names = contiguous(instance_ids(content["inst_map"], str(path)))
    kind = next((kind for kind in _LISTS if kind in content), None)
    if kind is None:
        return LabelMaps(instances, None)
    listed = _numbers(content[kind], f"classes ({kind}) in {path}", 255)
    uids = content.get(_LISTS[kind])
    owners = names if uids is None else _numbers(uids, f"ids ({_LISTS[kind]}) in {path}", LARGEST_ID)
    return LabelMaps(instances, _types(names, owners, listed, path))


def _types(
    names: Int32[np.ndarray, " n"], owners: Int32[np.ndarray, " k"], listed: Int32[np.ndarray, " k"], path: Path
) -> UInt8[np.ndarray, " n"]:
    """Return the class of each nucleus of the map from a list of classes and the nuclei they belong to."""
    if len(owners) != len(listed):
        raise DataError(
            f"{path} does not have one class (inst_type) per nucleus",
            got=f"{len(listed)} classes, {len(owners)} nuclei",
            fix="write inst_type in ascending order of id, or add inst_uid or type_map",
        )
    by_owner = dict(zip(owners.tolist(), listed.tolist(), strict=True))
    if len(by_owner) != len(owners):
        raise DataError(f"inst_uid in {path} does not have each id once", got=f"{len(owners) - len(by_owner)} doubled")
    return np.array([by_owner.get(name, 0) for name in names.tolist()], dtype=np.uint8)


def _numbers(array: Any, what: str, largest: int) -> Int32[np.ndarray, " n"]:
    # MATLAB keeps an empty list as an empty 2-D array
    return whole_numbers(array.ravel(), what, largest) if array.size else np.zeros(0, dtype=np.int32)
