"""The label maps of both sides of an image: their classes by number or by name, and the size of outlines."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bench.errors import DataError
from bench.formats.labels import LabelMaps, preview, read_labels
from bench.formats.parallel import ordered_map
from bench.scoring.pairing import Pair

MOST_PIXELS = 2**28
"""Of an image whose size only outlines give; a tile of 16384 x 16384 px."""


class Scheme(NamedTuple):
    """The classes 1..C that are scored, and the id of each by name; `named` says whether any file names them."""

    classes: tuple[str, ...]
    named: bool

    @property
    def ids(self) -> Mapping[str, int]:
        """The id of each class by name."""
        return {name: index for index, name in enumerate(self.classes, 1)}


def scheme_of(pairs: Sequence[Pair], classes: Sequence[str] = ()) -> Scheme:
    """Return the classes of all files: as given, or all names in alphabetical order, or 1 to the largest number.

    Raises:
        DataError: a file is unreadable, or some files name classes and others number them, and `classes` is empty.
    """
    if classes:
        return Scheme(tuple(classes), True)
    files = [(path, pair.stem) for pair in pairs for path in (pair.true, pair.pred)]
    found = ordered_map(lambda file: preview(*file), files)
    names: dict[str, str] = {}
    by_name = by_number = None
    largest = 0
    for (path, _), seen in zip(files, found, strict=True):
        names = {" ".join(name.split()).casefold(): name for name in seen.names} | names
        by_name = by_name or (path if seen.names else None)
        by_number = by_number or (path if seen.largest else None)
        largest = max(largest, seen.largest)
    if by_name and by_number:
        listed = ",".join(f'"{name}"' if "," in name else name for name in sorted(names.values()))
        raise DataError(
            "Some files name classes, and others number them",
            got=f"names ({listed}) in {by_name}, numbers in {by_number}",
            fix=f"give the names in the order of the numbers, for example --classes {shlex.quote(listed)}",
        )
    if by_name:
        return Scheme(tuple(sorted(names.values())), True)
    return Scheme(tuple(str(index) for index in range(1, largest + 1)), False)


def read_pair(pair: Pair, scheme: Scheme) -> tuple[LabelMaps, LabelMaps]:
    """Return the true and the predicted labels of an image.

    Outlines are drawn at the size of the other side if that is a map, and otherwise on the smallest image, from
    (0, 0) on, that holds the outlines of both.

    Raises:
        DataError: a file is not valid, a class has no id, or outlines reach too far.
    """
    names = scheme.ids if scheme.named else None
    true, pred = (preview(path, pair.stem).extent for path in (pair.true, pair.pred))
    size = None
    if true and pred:
        size = max(true[0], pred[0]), max(true[1], pred[1])
        if size[0] * size[1] > MOST_PIXELS:
            raise DataError(
                f"The outlines of {pair.stem!r} reach too far to be drawn",
                got=f"{size[0]} x {size[1]} px (height x width) in {pair.true} and {pair.pred}",
                fix="cut them into tiles, and count pixels from the upper left corner of the tile",
            )
    elif true or pred:
        drawn = read_labels(pair.pred if true else pair.true, names=names, image=pair.stem)
        size = drawn.instances.shape[0], drawn.instances.shape[1]
    read = [read_labels(path, size=size, names=names, image=pair.stem) for path in (pair.true, pair.pred)]
    return read[0], read[1]
