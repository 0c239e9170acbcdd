"""Outlines in the XML of Aperio ImageScope, read as untrusted: only small files without entities and references."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from bench.errors import DataError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LARGEST_FILE = 32 * 2**20
"""Bytes; an image of 800 nuclei takes 3 MB."""

MOST_VERTICES = 10_000
"""Per outline; the time that a search for crossings takes grows with its square."""

_FURTHEST = 1e6  # px; images are smaller
_FIX = "download the annotation again from its publisher"


@dataclass(frozen=True)
class Region:
    """One outline: the name of its annotation as written, and its vertices as (x, y) in pixels, x along columns.

    The name is empty if the annotation has none. Vertices may have fractions and may be outside the image. The outline
    is closed; the point (c, r) is the centre of the pixel in column c and row r, as in MoNuSAC's own conversion.
    `negative` outlines are holes of others (`NegativeROA`), `shape` is ImageScope's number of the tool that drew it,
    and `layer` the place of its annotation in the file.
    """

    name: str
    vertices: Float64[np.ndarray, "n 2"]
    negative: bool = False
    shape: str = ""
    layer: int = 0


def read_regions(path: Path) -> list[Region]:
    """Return the outlines of a file in document order, or an empty list if it has none.

    The name of an annotation is its `Attributes/Attribute[@Name]`, or else its own `Name`. ImageScope writes the
    attribute `Description` into every annotation, whose `Value` is then the name.

    Raises:
        DataError: the file is absent, larger than 32 MiB, malformed, not Aperio XML, or holds a DTD, an entity or an
            external reference; a vertex is not a number or is beyond a million pixels.
    """
    root = _parse(path)
    if root.tag != "Annotations":
        raise DataError(f"{path} does not hold Aperio annotations", got=f"<{str(root.tag)[:40]}>", fix=_FIX)
    return [
        Region(
            _name(annotation),
            _vertices(region, path),
            region.get("NegativeROA", "0").strip() == "1",
            region.get("Type", "").strip(),
            layer,
        )
        for layer, annotation in enumerate(root.iterfind("Annotation"))
        for region in annotation.iterfind("Regions/Region")
    ]


def _parse(path: Path) -> Element:
    # imported here: a finished run reads no annotation
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        with path.open("rb") as handle:
            content = handle.read(LARGEST_FILE + 1)
    except OSError as error:
        raise DataError(f"Cannot read the annotation {path}", got=error.strerror or str(error)) from error
    if len(content) > LARGEST_FILE:
        got = f"more than {LARGEST_FILE // 2**20} MiB"
        raise DataError(f"The annotation {path} is too large", got=got, fix=_FIX)
    try:
        root: Element = fromstring(content, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except DefusedXmlException as error:
        got = f"{type(error).__name__}: {str(error)[:120]}"
        raise DataError(f"The XML in {path} holds a DTD, entities or references", got=got, fix=_FIX) from error
    except (ParseError, ValueError, LookupError) as error:  # the last two: encodings that expat does not support
        raise DataError(f"The XML in {path} is not well formed", got=str(error)[:120], fix=_FIX) from error
    return root


def _name(annotation: Element) -> str:
    attributes = [(item.get("Name", ""), item.get("Value", "")) for item in annotation.iterfind("Attributes/Attribute")]
    names = [value if name.strip().casefold() == "description" else name for name, value in attributes]
    return next((name for name in (*names, annotation.get("Name", "")) if name.strip()), "")


def _vertices(region: Element, path: Path) -> Float64[np.ndarray, "n 2"]:
    where = f"region {region.get('Id', '')[:20]!r} of {path}"
    numbers = [value for vertex in region.iterfind("Vertices/Vertex") for value in _point(vertex, where)]
    if len(numbers) > 2 * MOST_VERTICES:
        got = f"{len(numbers) // 2}"
        raise DataError(f"There are more than {MOST_VERTICES} vertices in {where}", got=got, fix=_FIX)
    vertices = np.array(numbers, np.float64).reshape(-1, 2)
    if not np.all(np.abs(vertices) <= _FURTHEST):  # also false for NaN
        raise DataError(
            f"The vertices in {where} are not within {_FURTHEST:.0f} px",
            got="a vertex that is farther away, or no number",
            fix=_FIX,
        )
    return vertices


def _point(vertex: Element, where: str) -> Iterator[float]:
    for axis in ("X", "Y"):
        try:
            yield float(vertex.get(axis, ""))
        except ValueError as error:
            got = f"{axis}={vertex.get(axis, '')[:40]!r}"
            raise DataError(f"The vertices in {where} are not numbers", got=got, fix=_FIX) from error
