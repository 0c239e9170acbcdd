"""Writers of label files in every format, from an instance map and the class of each instance."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import tifffile
from PIL import Image
from scipy.io import savemat
from scipy.sparse import csc_matrix

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


def lizard(path, ids, types):
    """As Lizard's labels: `class` in the order of `id`, which here is not ascending."""
    uid = np.unique(ids[ids > 0])[::-1]
    content = {"inst_map": ids.astype(float), "id": uid[:, None], "class": np.asarray(types)[::-1, None]}
    savemat(path.with_suffix(".mat"), {**content, "bbox": np.zeros((len(uid), 4)), "centroid": np.zeros((len(uid), 2))})


def sparse(path, ids, types):
    content = {"inst_map": ids, "type_map": type_map(ids, types)}
    savemat(path.with_suffix(".mat"), {key: csc_matrix(value.astype(float)) for key, value in content.items()})


def version_73(path, ids, types):
    """As MATLAB's `save('-v7.3')`: HDF5 behind 512 bytes of text, with the axes in the opposite order."""
    with h5py.File(path.with_suffix(".mat"), "w", userblock_size=512) as file:
        for name, array in {"inst_map": ids, "type_map": type_map(ids, types)}.items():
            item = file.create_dataset(name, data=array.T.astype(float), compression="gzip")
            item.attrs["MATLAB_class"] = np.bytes_("double")
    head = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    with path.with_suffix(".mat").open("r+b") as handle:
        handle.write(head)


def cellvit(path, ids, types):
    content = {"inst_map": ids.astype(np.int32), "type_map": type_map(ids, types).astype(np.int32)}
    np.save(path.with_suffix(".npy"), content, allow_pickle=True)


def npz(path, ids, types):
    np.savez_compressed(path.with_suffix(".npz"), inst_map=ids, type_map=type_map(ids, types), other=np.zeros(3))


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


def floats(path, ids, types=None):
    """As ImageJ does: labels of 32 bits are floats."""
    tifffile.imwrite(path.with_suffix(".tif"), ids.astype(np.float32), imagej=True)


def ome(path, ids, types=None):
    tifffile.imwrite(path.with_suffix(".tif"), ids.astype(">u4"), ome=True, byteorder=">", metadata={"axes": "YX"})


def palette(path, ids, types=None):
    """Ids are the indices of a palette of random colours."""
    image = Image.fromarray((np.unique(ids, return_inverse=True)[1].reshape(ids.shape)).astype(np.uint8))
    image.putpalette(np.random.default_rng(0).integers(0, 256, 768).tolist())
    image.save(path.with_suffix(".png"))


def one_of_npz(path, ids, types=None):
    np.savez(path.with_suffix(".npz"), labels=ids.astype(np.int64)[..., None])


TYPED = (
    consep,
    listed,
    hovernet,
    lizard,
    sparse,
    version_73,
    two_channels,
    five_channels,
    cellvit,
    npz,
)
UNTYPED = (one_channel, png, tif, floats, ome, palette, one_of_npz)


def write(folder: Path, stem: str, writer, ids, types=None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    writer(folder / stem, ids, types)
