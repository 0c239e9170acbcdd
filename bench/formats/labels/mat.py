"""Labels in `.mat` files: those of CoNSeP, and predictions as HoVer-Net writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int32, UInt8

from bench.errors import DataError
from bench.formats.labels.canonical import NucleusLabels, canonical_labels, contiguous, whole_numbers
from bench.formats.labels.maps import LabelMaps

_LARGEST_ID = 2**31 - 1


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
    content = _load(path, required=("inst_map", "type_map"), optional=("inst_centroid",))
    labels = canonical_labels(content["inst_map"], content["type_map"], str(path))
    stored = content.get("inst_centroid")
    if stored is None or stored.shape != (len(labels.types), 2) or stored.dtype.kind not in "fiu":
        return MatLabels(labels, None)
    return MatLabels(labels, stored.astype(np.float64))


def mat_maps(path: Path) -> LabelMaps:
    """Read instances and classes, the latter from `type_map`, else from `inst_type`, else none.

    `inst_type` holds one class per nucleus: in the order of `inst_uid` if the file has it (HoVer-Net's
    predictions), else in ascending order of id (CoNSeP). A nucleus that `inst_uid` leaves out, as HoVer-Net does
    if a contour has fewer than three points, has class 0.

    Raises:
        DataError: the file is unreadable, has no `inst_map`, or its classes do not fit its nuclei.
    """
    content = _load(path, required=("inst_map",), optional=("type_map", "inst_type", "inst_uid"))
    if "type_map" in content:
        labels = canonical_labels(content["inst_map"], content["type_map"], str(path), unclassed=True)
        return LabelMaps(labels.instances, labels.types)
    if content["inst_map"].ndim != 2:
        raise DataError(f"inst_map in {path} is not a map (h, w)", got=f"shape {content['inst_map'].shape}")
    instances, names = contiguous(whole_numbers(content["inst_map"], f"instance ids in {path}", _LARGEST_ID))
    if "inst_type" not in content:
        return LabelMaps(instances, None)
    listed = _numbers(content["inst_type"], f"classes (inst_type) in {path}", 255)
    uids = content.get("inst_uid")
    owners = names if uids is None else _numbers(uids, f"ids (inst_uid) in {path}", _LARGEST_ID)
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


def _load(path: Path, *, required: Sequence[str], optional: Sequence[str]) -> dict[str, Any]:
    """Load some variables of a file, at least those of `required`."""
    # imported here: scipy.io is slow to import, and cards are read without it
    from scipy.io import loadmat

    try:
        with path.open("rb") as handle:
            content: dict[str, Any] = loadmat(handle, variable_names=[*required, *optional])
    except FileNotFoundError as error:
        raise DataError(f"There is no label file at {path}", got="no such file") from error
    except Exception as error:  # broken bytes make the parser raise any kind of error
        got = " ".join(f"{type(error).__name__}: {error}".split())
        raise DataError(f"Cannot read {path} as a MATLAB 5 file", got=got, fix="download or write it again") from error
    for key in required:
        if key not in content:
            found = sorted(name for name in content if not name.startswith("__"))
            raise DataError(f"{path} does not have the key {key!r}", got=f"keys {found}")
    return content
