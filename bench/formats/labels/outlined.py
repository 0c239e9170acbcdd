"""Labels in files of outlines: which format a file has is read from its content, and outlines are drawn as a map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from bench.errors import DataError
from bench.formats.coco import CocoFile, is_coco
from bench.formats.geojson import feature_outlines, is_geojson
from bench.formats.json_files import kind_of, read_json
from bench.formats.labels.drawing import draw
from bench.formats.labels.imagescope import imagescope_outlines
from bench.formats.labels.maps import LabelMaps
from bench.formats.polygons import Outline, Outlines
from bench.formats.prediction_json import cellvit_outlines, hovernet_outlines, is_cellvit, is_hovernet

SUFFIXES = (".geojson", ".json", ".xml")

_KNOWN = "GeoJSON (QuPath), COCO, HoVer-Net's or CellViT's predictions"


def read_outlines(path: Path, image: str) -> Outlines:
    """Return the outlines of one image in a file of any supported format.

    Args:
        path: the file.
        image: stem of the image's file, for files of many images.

    Raises:
        DataError: the file is unreadable, of no supported format, or an outline in it is not valid.
    """
    if path.suffix.lower() == ".xml":
        return imagescope_outlines(path)
    content = _content(path)
    if isinstance(content, CocoFile):
        return content.outlines(image)
    if is_geojson(content):
        return feature_outlines(content, path)
    if is_hovernet(content):
        return hovernet_outlines(content, path)
    if is_cellvit(content):
        return cellvit_outlines(content, path)
    raise DataError(f"The JSON in {path} is of no known format of labels", got=kind_of(content), fix=f"write {_KNOWN}")


def images_in(path: Path) -> tuple[str, ...]:
    """Return the stems of the images that a COCO file holds; none for any other file."""
    if path.suffix.lower() not in SUFFIXES or path.suffix.lower() == ".xml":
        return ()
    content = _content(path)
    return tuple(content.images) if isinstance(content, CocoFile) else ()


def _content(path: Path) -> Any:
    """Return a COCO file, which is read once for all of its images, or the value of any other JSON file."""
    try:
        state = path.stat()
    except OSError as error:
        raise DataError(f"Cannot read {path}", got=error.strerror or str(error)) from error
    try:
        return _coco(path, state.st_mtime_ns, state.st_size)
    except _OtherFormat as other:
        return other.content


class _OtherFormat(Exception):  # noqa: N818  # not an error; an exception, because a cache does not keep those
    """The content of a file that is not COCO's."""

    def __init__(self, content: Any) -> None:
        self.content = content
        super().__init__()


@lru_cache(maxsize=2)
def _coco(path: Path, modified: int, n_bytes: int) -> CocoFile:
    content = read_json(path)
    if not is_coco(content):
        raise _OtherFormat(content)
    return CocoFile(content, path)


def outlined_maps(
    path: Path, outlines: Outlines, size: tuple[int, int] | None, names: Mapping[str, int] | None
) -> LabelMaps:
    """Draw outlines as a label map of the size that the file gives, or else of `size`.

    Args:
        path: the file, for errors.
        outlines: its content.
        size: height and width of the image.
        names: id of each class by name, for files that name classes; by default ids are the places 1..n of the names
            in the file in alphabetical order.

    Raises:
        DataError: the size is not known, a class is not in `names`, or outlines are outside of the image.
    """
    shape = outlines.size or size
    if shape is None:
        fix = "give the size of the image: keep the image or a label map next to it"
        raise DataError(f"{path} holds outlines without the size of their image", got="only outlines", fix=fix)
    drawn = draw(outlines.nuclei, shape, path)
    nuclei = [outlines.nuclei[place] for place in drawn.places]
    found = class_names(outlines)
    types = _types(nuclei, found, names, path) if outlines.nuclei else np.zeros(0, np.uint8)
    notes = dict(sorted((outlines.notes + drawn.notes).items()))
    return LabelMaps(drawn.instances, types, names=found, notes=notes, outlined=True)


def class_names(outlines: Outlines) -> tuple[str, ...]:
    """Return the names of classes in a file as written, in alphabetical order; none if classes are numbers."""
    return tuple(sorted({nucleus.name for nucleus in outlines.nuclei if nucleus.name is not None}))


def _types(
    nuclei: Sequence[Outline], found: Sequence[str], names: Mapping[str, int] | None, path: Path
) -> UInt8[np.ndarray, " n"] | None:
    if not found:
        if all(nucleus.kind is None for nucleus in nuclei):
            return None
        return np.array([nucleus.kind or 0 for nucleus in nuclei], np.uint8)
    ids = {name: index for index, name in enumerate(found, 1)}
    if names is not None:
        folded = {_folded(name): index for name, index in names.items()}
        if odd := [name for name in found if _folded(name) not in folded]:
            got = ", ".join(name[:40] for name in odd[:8])
            known = ", ".join(f"{index} {name}" for name, index in names.items())
            fix = f"name the classes as they are known here: {known}"
            raise DataError(f"The nuclei in {path} have classes with other names", got=got, fix=fix)
        ids = {name: folded[_folded(name)] for name in found}
    return np.array([0 if nucleus.name is None else ids[nucleus.name] for nucleus in nuclei], np.uint8)


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
