"""Reading of label files in any format, which the suffix determines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.errors import DataError
from bench.formats.labels.arrays import maps_of, npy_maps
from bench.formats.labels.label_images import read_label_image
from bench.formats.labels.maps import LabelMaps
from bench.formats.labels.mat import mat_maps
from bench.formats.labels.npz import npz_maps
from bench.formats.labels.outlined import SUFFIXES as OUTLINE_SUFFIXES
from bench.formats.labels.outlined import outlined_maps, read_outlines
from bench.formats.labels.pickled import holds_pickle, pickled_maps

SUFFIXES = (".mat", ".npy", ".npz", ".png", ".tif", ".tiff", *OUTLINE_SUFFIXES)

_FIX = "write it again: one whole number per pixel, 0 for background, and one class per nucleus if there are classes"


def read_labels(
    path: Path,
    *,
    size: tuple[int, int] | None = None,
    names: Mapping[str, int] | None = None,
    image: str | None = None,
) -> LabelMaps:
    """Read the instances of one image, and their classes and the image if the format has them.

    ========================= ====================================================================
    `.mat` (also v7.3,        `inst_map`; classes from `type_map` (h, w), else from `inst_type` or
    sparse)                   `class`, one per nucleus in ascending order of id or as `inst_uid` or
                              `id` lists them
    `.npy`                    (h, w) instances; (h, w, 2) instances, classes; (h, w, 4) RGB,
                              instances; (h, w, 5) RGB, instances, classes
    `.npy`, a pickled dict    `inst_map` and `type_map` (h, w), as CellViT trains on
    `.npz`                    `inst_map` and `type_map`, or one array as in `.npy`
    `.png`, `.tif`, `.tiff`   one channel: instances (16 bits for more than 255)
    `.geojson`, `.json`       outlines: GeoJSON (QuPath), COCO, predictions of HoVer-Net and CellViT (`cells.json`)
    `.xml`                    outlines: Aperio ImageScope
    ========================= ====================================================================

    0 is background; other ids are renumbered to 1..n in their order. They may have any type of whole numbers and any
    byte order, and a type of floats that holds them exactly (`bench.formats.labels.ids`). Nuclei of outlines are
    numbered in the order of the file. Nothing of a pickle is run (`bench.formats.labels.pickled`). Whether the ids can
    be nuclei is judged elsewhere, over all files of a folder (`bench.formats.labels.plausible`).

    Args:
        path: the file.
        size: height and width of the image, which files of outlines do not give; other files are not compared with it.
        names: id of each class by name, for files that name classes; by default the names get the ids 1..n in
            alphabetical order.
        image: stem of the image, for a COCO file of many images; by default the file's own.

    Raises:
        DataError: the suffix is unknown, the file is unreadable, ids are not whole numbers from 0, or an instance has
            two classes; outlines are not valid or are outside of the image, their size is not known, or a class is not
            in `names`.
    """
    try:
        if path.suffix.lower() in OUTLINE_SUFFIXES:
            return outlined_maps(path, read_outlines(path, image or path.stem), size, names)
        return _read(path)
    except DataError as error:
        raise DataError(error.message, got=error.got, fix=error.fix or _FIX) from error


def _read(path: Path) -> LabelMaps:
    suffix = path.suffix.lower()
    if suffix == ".mat":
        return mat_maps(path)
    if suffix == ".npy":
        return pickled_maps(path) if holds_pickle(path) else npy_maps(path)
    if suffix == ".npz":
        return npz_maps(path)
    if suffix in SUFFIXES:
        return maps_of(read_label_image(path), None, path)
    if suffix in (".jpg", ".jpeg"):
        fix = "save the ids as a PNG of 16 bits, from the program that made them"
        raise DataError("JPEG changes the ids of a label file", got=str(path), fix=fix)
    raise DataError(f"The label file has none of the suffixes {', '.join(SUFFIXES)}", got=str(path))
