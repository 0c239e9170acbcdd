"""Labels in CoNSeP's `.mat` files: `inst_map`, `type_map`, `inst_type`, `inst_centroid`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from bench.errors import DataError
from bench.labels.canonical import NucleusLabels, canonical_labels

REQUIRED = ("inst_map", "type_map")


@dataclass(frozen=True)
class MatLabels:
    """Canonical labels of a file, and the centroids stored in it ((x, y), in the file's order) if it has any.

    `inst_type` is not read: GradMix's files keep stale lengths there, and the maps say it all.
    """

    labels: NucleusLabels
    stored_centroids: Float64[np.ndarray, "n 2"] | None


def read_mat(path: Path) -> MatLabels:
    """Read the labels of one tile; class ids stay as stored.

    Raises:
        DataError: the file is unreadable, lacks a map, or holds labels that `canonical_labels` refuses.
    """
    # imported here: scipy.io is slow to import, and cards are read without it
    from scipy.io import loadmat

    try:
        with path.open("rb") as handle:
            content = loadmat(handle, variable_names=[*REQUIRED, "inst_centroid"])
    except FileNotFoundError as error:
        raise DataError(f"expected a label file at {path}", got="no such file") from error
    except Exception as error:  # the parser raises whatever broken bytes lead it to
        got = " ".join(f"{type(error).__name__}: {error}".split())
        raise DataError(f"expected a readable MATLAB 5 file in {path}", got=got, fix="fetch it again") from error
    for key in REQUIRED:
        if key not in content:
            found = sorted(name for name in content if not name.startswith("__"))
            raise DataError(f"expected the key {key!r} in {path}", got=f"keys {found}")
    labels = canonical_labels(content["inst_map"], content["type_map"], str(path))
    stored = content.get("inst_centroid")
    usable = stored is not None and stored.shape == (len(labels.types), 2) and stored.dtype.kind in "fiu"
    return MatLabels(labels, stored.astype(np.float64) if usable else None)
