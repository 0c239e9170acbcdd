"""Reading of label files in any format, which the suffix determines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.errors import DataError
from bench.formats.labels.arrays import array_maps
from bench.formats.labels.canonical import contiguous
from bench.formats.labels.maps import LabelMaps
from bench.formats.labels.mat import mat_maps
from bench.formats.labels.outlined import SUFFIXES as OUTLINE_SUFFIXES
from bench.formats.labels.outlined import outlined_maps, read_outlines
from bench.formats.labels.pickled import holds_pickle, pickled_maps
from bench.imageio import read_instances

SUFFIXES = (".mat", ".npy", ".png", ".tif", ".tiff", *OUTLINE_SUFFIXES)

_FIX = "write it again: one whole number per pixel, 0 for background, and one class per nucleus if there are classes"


def read_labels(
    path: Path,
    *,
    size: tuple[int, int] | None = None,
    names: Mapping[str, int] | None = None,
    image: str | None = None,
    pickled: bool = False,
) -> LabelMaps:
    """Read the instances of one image, and their classes and the image if the format has them.

    ========================= ====================================================================
    `.mat` (MATLAB 5)         `inst_map`; classes from `type_map` (h, w), else from `inst_type`,
                              one per nucleus in ascending order of id or as `inst_uid` lists them
    `.npy`, whole numbers     (h, w) instances; (h, w, 2) instances, classes; (h, w, 4) RGB,
                              instances; (h, w, 5) RGB, instances, classes
    `.npy`, a pickled dict    with `pickled`: `inst_map` and `type_map` (h, w), as CellViT trains on
    `.png`, `.tif`, `.tiff`   one channel of whole numbers: instances (16 bits for more than 255)
    `.geojson`, `.json`       outlines: GeoJSON (QuPath), COCO, predictions of HoVer-Net and CellViT (`cells.json`)
    `.xml`                    outlines: Aperio ImageScope
    ========================= ====================================================================

    0 is background; other ids are renumbered to 1..n in their order. Whole numbers stored as floats are
    accepted only from `.mat` and from pickled dictionaries. Nuclei of outlines are numbered in the order of the file.

    Args:
        path: the file.
        size: height and width of the image, which files of outlines do not give; other files are not compared with it.
        names: id of each class by name, for files that name classes; by default the names get the ids 1..n in
            alphabetical order.
        image: stem of the image, for a COCO file of many images; by default the file's own.
        pickled: whether a pickled dictionary may be read; nothing of a pickle is run (`bench.formats.labels.pickled`).

    Raises:
        DataError: the suffix is unknown, the file is unreadable, ids are floats, or an instance has two classes;
            outlines are not valid or lie outside of the image, their size is not known, or a class is not in `names`.
    """
    try:
        if path.suffix.lower() in OUTLINE_SUFFIXES:
            return outlined_maps(path, read_outlines(path, image or path.stem), size, names)
        return pickled_maps(path) if pickled and _is_pickle(path) else _read(path)
    except DataError as error:
        raise DataError(error.message, got=error.got, fix=error.fix or _FIX) from error


def _is_pickle(path: Path) -> bool:
    return path.suffix.lower() == ".npy" and holds_pickle(path)


def _read(path: Path) -> LabelMaps:
    suffix = path.suffix.lower()
    if suffix == ".mat":
        return mat_maps(path)
    if suffix == ".npy":
        return array_maps(path)
    if suffix in SUFFIXES:
        return LabelMaps(contiguous(read_instances(path))[0], None)
    raise DataError(f"The label file has none of the suffixes {', '.join(SUFFIXES)}", got=str(path))
