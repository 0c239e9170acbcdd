"""Outlines in COCO's JSON: one file for many images, nuclei as polygons or run lengths, classes by name.

As in COCO, the pixel in column c and row r has its centre at (c + 0.5, r + 0.5). Run lengths are checked and decoded
here: pycocotools returns memory that nobody wrote if they are too short.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Bool

from bench.errors import DataError
from bench.formats.csv_tables import some
from bench.formats.json_files import kind_of
from bench.formats.polygons import Outline, Outlines, Part, ring

_CORNER = 0.5
_FIX = "export it again as COCO instance segmentation"
_LARGEST = 2**28  # pixels of an image


def is_coco(content: Any) -> bool:
    """Return whether a JSON value has COCO's lists of images and annotations."""
    return isinstance(content, dict) and "images" in content and "annotations" in content


class CocoFile:
    """The content of a file, by image.

    Args:
        content: the JSON value.
        path: its file, for errors.

    Raises:
        DataError: a list is not one of objects, an id or a name occurs twice, or an annotation is of an image or a
            category that is not listed.
    """

    def __init__(self, content: Mapping[str, Any], path: Path) -> None:
        self.path = path
        self.images: dict[str, Mapping[str, Any]] = {}
        self._annotations: dict[Any, list[Mapping[str, Any]]] = {}
        for image in self._objects(content, "images", ("id", "file_name")):
            stem = PurePosixPath(str(image["file_name"]).replace("\\", "/")).stem
            if stem in self.images or _key(image["id"]) in self._annotations:
                raise DataError(f"Two images in {path} have one name or id", got=str(image["file_name"]), fix=_FIX)
            self.images[stem] = image
            self._annotations[_key(image["id"])] = []
        self.categories: dict[Any, str] = {}
        for category in self._objects(content, "categories", ("id", "name")) if "categories" in content else ():
            if _key(category["id"]) in self.categories:
                raise DataError(f"Two categories in {path} have one id", got=str(category["id"])[:40], fix=_FIX)
            self.categories[_key(category["id"])] = str(category["name"])
        for annotation in self._objects(content, "annotations", ("image_id",)):
            if _key(annotation["image_id"]) not in self._annotations:
                got = f"annotation {_named(annotation)} of image {str(annotation['image_id'])[:40]}"
                raise DataError(f"An image of {path} is not in its list of images", got=got, fix=_FIX)
            self._annotations[_key(annotation["image_id"])].append(annotation)

    def outlines(self, stem: str) -> Outlines:
        """Return the nuclei of the image whose file name has a stem.

        Raises:
            DataError: there is no such image, or an annotation is a crowd or not a valid outline.
        """
        if stem not in self.images:
            raise DataError(
                f"{self.path} has no image {stem!r}",
                got=f"images {some(sorted(self.images))}",
                fix="name images as `file_name` does; the suffix does not matter",
            )
        image = self.images[stem]
        size = self._size(image)
        annotations = self._annotations[_key(image["id"])]
        return Outlines(tuple(self._outline(annotation, size) for annotation in annotations), size)

    def _outline(self, annotation: Mapping[str, Any], size: tuple[int, int] | None) -> Outline:
        name = f"annotation {_named(annotation)}"
        where = f"{name} of {self.path}"
        if annotation.get("iscrowd"):
            fix = "outline each nucleus, or set iscrowd to 0 if it is one nucleus"
            raise DataError("A crowd is not one nucleus", got=f"{where}: iscrowd {annotation['iscrowd']}", fix=fix)
        class_ = None
        if annotation.get("category_id") is not None:
            if (key := _key(annotation["category_id"])) not in self.categories:
                got = str(annotation["category_id"])[:40]
                raise DataError(f"The category of {where} is not in its list of categories", got=got, fix=_FIX)
            class_ = self.categories[key]
        shape = annotation.get("segmentation")
        if isinstance(shape, dict):
            mask = _mask(shape, size, where)
            rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
            if not len(rows):
                return Outline(name, name=class_, mask=mask[:0, :0])
            top, left = int(rows[0]), int(columns[0])
            part = mask[top : rows[-1] + 1, left : columns[-1] + 1].copy()  # a thousand whole masks would fill memory
            return Outline(name, name=class_, mask=part, corner=(top, left))
        if not isinstance(shape, list) or not shape or not all(isinstance(points, list) for points in shape):
            got = "only a box" if not shape and "bbox" in annotation else kind_of(shape)
            raise DataError(f"The segmentation of {where} is neither polygons nor run lengths", got=got, fix=_FIX)
        return Outline(name, tuple(_polygon(points, where) for points in shape), class_)

    def _size(self, image: Mapping[str, Any]) -> tuple[int, int] | None:
        height, width = image.get("height"), image.get("width")
        if height is None and width is None:
            return None
        if not (isinstance(height, int) and isinstance(width, int) and 0 < height * width <= _LARGEST and height > 0):
            got = f"height {str(height)[:20]}, width {str(width)[:20]} of {image['file_name']}"
            raise DataError(f"The size of an image in {self.path} is not two whole numbers", got=got, fix=_FIX)
        return height, width

    def _objects(self, content: Mapping[str, Any], key: str, keys: Sequence[str]) -> list[Mapping[str, Any]]:
        found = content[key]
        if not isinstance(found, list):
            raise DataError(f"`{key}` of {self.path} is not a list", got=kind_of(found), fix=_FIX)
        for item in found:
            if not isinstance(item, dict) or any(item.get(name) is None for name in keys):
                raise DataError(f"`{key}` of {self.path} lack {' or '.join(keys)}", got=kind_of(item), fix=_FIX)
        return found


def _polygon(points: list[Any], where: str) -> Part:
    if len(points) % 2:
        got = f"{len(points)} numbers"
        raise DataError(f"A polygon of {where} is not pairs of x and y", got=got, fix=_FIX)
    return (ring([list(pair) for pair in zip(points[::2], points[1::2], strict=True)], where, _CORNER),)


def _mask(shape: Mapping[str, Any], size: tuple[int, int] | None, where: str) -> Bool[np.ndarray, "h w"]:
    """Return the mask of run lengths: background and nucleus in turn, down the columns."""
    stored, counts = shape.get("size"), shape.get("counts")
    if size is None or stored != list(size):
        got = f"size {str(stored)[:40]} in an image of {size}"
        raise DataError(f"The run lengths of {where} do not have the size of their image", got=got, fix=_FIX)
    runs = _counts(counts, where) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(type(run) is int and run >= 0 for run in runs):
        raise DataError(f"The run lengths of {where} are not whole numbers", got=kind_of(counts), fix=_FIX)
    if sum(runs) != size[0] * size[1]:
        got = f"{sum(runs)} pixels in an image of {size[0] * size[1]}"
        raise DataError(f"The run lengths of {where} do not fill their image", got=got, fix=_FIX)
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, runs).reshape(size, order="F")


def _counts(text: str, where: str) -> list[int]:
    """Return the run lengths of COCO's compressed text.

    Each number is given in groups of 5 bits, the lowest first, one character a group; from the fourth on it is the
    difference from the number two places before.
    """
    runs: list[int] = []
    value = shift = 0
    for character in text:
        group = ord(character) - 48
        if not 0 <= group < 64 or shift > 60:
            raise DataError(f"The run lengths of {where} are not valid", got=repr(text[:40]), fix=_FIX)
        value |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    if shift:
        raise DataError(f"The run lengths of {where} are cut off", got=repr(text[-40:]), fix=_FIX)
    return runs


def _named(annotation: Mapping[str, Any]) -> str:
    return str(annotation.get("id", "without an id"))[:40]


def _key(value: Any) -> str:
    """Return an id as text: some exporters write the same id as a number and as text."""
    return str(value)
