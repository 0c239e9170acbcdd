"""Label files by image, and what is known of a file before its map is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bench.errors import DataError
from bench.formats.folders import by_stem
from bench.formats.labels.outlined import SUFFIXES as OUTLINE_SUFFIXES
from bench.formats.labels.outlined import class_names, images_in, read_outlines
from bench.formats.labels.reading import SUFFIXES, read_labels


class Preview(NamedTuple):
    """Names of classes in a file, its largest class number, and its smallest size if only outlines give one."""

    names: tuple[str, ...]
    largest: int
    extent: tuple[int, int] | None


def label_files(place: Path, kind: str) -> Mapping[str, Path]:
    """Return the label file of each image by the image's stem, in order.

    Args:
        place: a folder of label files with the stems of their images; or a COCO file of many images, or a folder with
            only that file.
        kind: what the labels are, for errors.

    Raises:
        DataError: there is no such folder or file, it has no labels, or two files have one stem.
    """
    if place.is_file():
        images = images_in(place)
        if not images:
            got = f"a file, {place.name}, that does not list its images as COCO does"
            raise DataError(f"There is no folder of {kind} at {place}", got=got, fix="give the folder that holds them")
        return dict.fromkeys(sorted(images), place)
    found = by_stem(place, SUFFIXES, kind)
    if len(found) == 1:
        stem, path = next(iter(found.items()))
        images = images_in(path)
        if images and images != (stem,):
            return dict.fromkeys(sorted(images), path)
    return found


def preview(path: Path, image: str) -> Preview:
    """Return what a label file says of classes and size; maps are read, outlines are not drawn.

    Raises:
        DataError: the file is unreadable or not valid.
    """
    if path.suffix.lower() not in OUTLINE_SUFFIXES:
        types = read_labels(path).types
        return Preview((), 0 if types is None else int(types.max(initial=0)), None)
    outlines = read_outlines(path, image)
    largest = max((nucleus.kind or 0 for nucleus in outlines.nuclei), default=0)
    return Preview(class_names(outlines), largest, None if outlines.size else outlines.extent)
