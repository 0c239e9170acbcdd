"""Nuclei in Aperio ImageScope's XML, with and without class names; negative outlines are holes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.errors import DataError
from bench.formats.aperio import Region, read_regions
from bench.formats.polygons import Outline, Outlines

# ImageScope's numbers of tools whose vertices are not an outline
_OTHER_TOOLS = {"2": "an ellipse, of which only the frame is stored", "3": "an arrow"}


def imagescope_outlines(path: Path) -> Outlines:
    """Return the nuclei of an annotation file in document order; a class is the name of an annotation.

    Raises:
        DataError: the file is not valid Aperio XML, an object is not an outline, or a negative outline is in no
            other one of its annotation.
    """
    regions = read_regions(path)
    for number, region in enumerate(regions, 1):
        if region.shape in _OTHER_TOOLS:
            got = f"region {number}: {_OTHER_TOOLS[region.shape]}"
            fix = "draw nuclei with the pen or as polygons"
            raise DataError(f"An object in {path} is not an outline", got=got, fix=fix)
    nuclei = {
        number: Outline(f"region {number + 1}", ((region.vertices,),), region.name or None)
        for number, region in enumerate(regions)
        if not region.negative
    }
    for number, region in enumerate(regions):
        if region.negative:
            owner = _around(region, regions, path, number + 1)
            shell, *holes = nuclei[owner].parts[0]
            nuclei[owner] = replace(nuclei[owner], parts=((shell, *holes, region.vertices),))
    return Outlines(tuple(nuclei.values()))


def _around(hole: Region, regions: Sequence[Region], path: Path, number: int) -> int:
    """Return the place of the smallest outline of the same annotation that holds a negative one."""
    import shapely

    if len(hole.vertices) >= 3:
        middle = shapely.make_valid(shapely.Polygon(hole.vertices)).representative_point()
        around = {
            place: shapely.make_valid(shapely.Polygon(region.vertices))
            for place, region in enumerate(regions)
            if not region.negative and region.layer == hole.layer and len(region.vertices) >= 3
        }
        holding = [place for place, polygon in around.items() if polygon.covers(middle)]
        if holding:
            return min(holding, key=lambda place: float(around[place].area))
    raise DataError(
        f"A negative outline in {path} is not inside of another one",
        got=f"region {number}",
        fix="draw the outline of its nucleus, or take it out of the file",
    )
