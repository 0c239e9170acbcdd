"""Writers of label files in every format, from an instance map and the class of each instance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from scipy.io import savemat

from tests.toy_maps import type_map


def consep(path, ids, types):
    savemat(path.with_suffix(".mat"), {"inst_map": ids.astype(float), "type_map": type_map(ids, types).astype(float)})


def listed(path, ids, types):
    savemat(path.with_suffix(".mat"), {"inst_map": ids, "inst_type": np.asarray(types)[:, None]})


def hovernet(path, ids, types):
    """As HoVer-Net's inference does: classes in the order of `inst_uid`, which here is not ascending."""
    uid = np.unique(ids[ids > 0])[::-1]
    savemat(
        path.with_suffix(".mat"),
        {"inst_map": ids, "inst_uid": uid[:, None], "inst_type": np.asarray(types)[::-1, None]},
    )


def two_channels(path, ids, types):
    np.save(path.with_suffix(".npy"), np.dstack([ids, type_map(ids, types)]).astype(np.int32))


def five_channels(path, ids, types):
    rgb = np.random.default_rng(0).integers(0, 256, (*ids.shape, 3))
    np.save(path.with_suffix(".npy"), np.dstack([rgb, ids, type_map(ids, types)]).astype(np.int32))


def one_channel(path, ids, types=None):
    np.save(path.with_suffix(".npy"), ids.astype(np.uint16))


def png(path, ids, types=None):
    Image.fromarray(ids.astype(np.uint16)).save(path.with_suffix(".png"))


def tif(path, ids, types=None):
    tifffile.imwrite(path.with_suffix(".tif"), ids.astype(np.uint16), compression="zlib")


TYPED = (consep, listed, hovernet, two_channels, five_channels)
UNTYPED = (one_channel, png, tif)


def write(folder: Path, stem: str, writer, ids, types=None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    writer(folder / stem, ids, types)
