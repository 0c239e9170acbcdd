"""Outlines in GeoJSON as QuPath writes and reads it: whole numbers are corners of pixels.

QuPath puts (0, 0) at the upper left corner of the first pixel, so the pixel in column c and row r has its centre at
(c + 0.5, r + 0.5).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import DataError
from bench.formats.json_files import kind_of
from bench.formats.polygons import Outline, Outlines, Part, ring

_CORNER = 0.5
_PARENTS = "annotations around detected nuclei left out"
_SPLIT = "nuclei of features that hold all nuclei of a class"
_PIECES = "nuclei of several outlines"
# QuPath 0.2 wrote the kind of an object as the feature's id
_LEGACY = {
    "PathAnnotationObject": "annotation",
    "PathDetectionObject": "detection",
    "PathCellObject": "cell",
    "PathTileObject": "tile",
    "TMACoreObject": "tmaCore",
    "PathRootObject": "root",
}
_LEAVE_OUT = "export only the nuclei, as polygons"
_NO_NUCLEUS = ("tile", "tmacore", "tma_core", "root")
_POLYGONS = ("Polygon", "MultiPolygon")


def is_geojson(content: Any) -> bool:
    """Return whether a JSON value is a feature, a collection or a list of features, or a bare geometry."""
    if isinstance(content, list):
        return all(isinstance(item, dict) and item.get("type") == "Feature" for item in content)
    kinds = ("FeatureCollection", "Feature", "GeometryCollection", *_POLYGONS)
    return isinstance(content, dict) and content.get("type") in kinds


def feature_outlines(content: Any, path: Path) -> Outlines:
    """Return the nuclei of GeoJSON, one for each feature.

    A cell with a `nucleusGeometry` gives its nucleus. In a file with detections or cells, annotations are the regions
    around them and are left out. A feature of several polygons is one nucleus, unless they are far apart: then every
    feature must hold all nuclei of a class, as CellViT writes it, and each polygon is a nucleus.

    Raises:
        DataError: the value is not a feature or a list of them, or a feature is not a nucleus's outline; it is named by
            its number from 1 on.
    """
    features = _features(content, path)
    kinds = [_kind(feature) for feature in features]
    detected = any(kind in ("detection", "cell") for kind in kinds)
    with_nucleus = any(_nucleus(feature) is not None for feature in features)
    notes: Counter[str] = Counter()
    nuclei = []
    for number, (feature, kind) in enumerate(zip(features, kinds, strict=True), 1):
        where = f"feature {number} of {path}"
        if detected and kind == "annotation":
            notes[_PARENTS] += 1
            continue
        if kind.casefold() in _NO_NUCLEUS:
            raise DataError(f"An object in {path} is not a nucleus", got=f"feature {number}, a {kind}", fix=_LEAVE_OUT)
        geometry = _nucleus(feature)
        if geometry is None:
            if kind == "cell" and with_nucleus:
                got = "a cell without `nucleusGeometry` among cells that have it"
                raise DataError(f"A cell has no nucleus: {where}", got=got, fix=_LEAVE_OUT)
            geometry = feature.get("geometry")
        nuclei.append(Outline(f"feature {number}", _parts(geometry, where), _class(feature, where)))
    return Outlines(tuple(_separated(nuclei, path, notes)), None, +notes)


def _features(content: Any, path: Path) -> list[dict[str, Any]]:
    if isinstance(content, dict) and content["type"] == "Feature":
        content = [content]
    elif isinstance(content, dict) and content["type"] == "FeatureCollection":
        content = content.get("features")
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        got = content["type"] if isinstance(content, dict) else kind_of(content)
        raise DataError(f"{path} does not hold GeoJSON features", got=got, fix="export objects as GeoJSON in QuPath")
    return content


def _kind(feature: dict[str, Any]) -> str:
    properties = _properties(feature)
    for key in ("objectType", "object_type", "type"):
        if isinstance(properties.get(key), str):
            return str(properties[key])
    return _LEGACY.get(str(feature.get("id", "")), "annotation")


def _properties(feature: dict[str, Any]) -> dict[str, Any]:
    properties = feature.get("properties")
    return properties if isinstance(properties, dict) else {}


def _nucleus(feature: dict[str, Any]) -> Any:
    return feature.get("nucleusGeometry") or _properties(feature).get("nucleusGeometry")


def _class(feature: dict[str, Any], where: str) -> str | None:
    """Return the name of a feature's class; QuPath joins the names of derived classes by a colon."""
    given = _properties(feature).get("classification")
    if given is None:
        return None
    name = given
    if isinstance(given, dict):
        names = given.get("names")
        name = ": ".join(names) if isinstance(names, list) and all(isinstance(n, str) for n in names) else None
        name = given.get("name", name)
    if not isinstance(name, str) or not name.strip():
        fix = 'write it as {"name": "Tumor"}, or leave it out of all features'
        raise DataError(f"The classification of {where} has no name", got=str(given)[:60], fix=fix)
    return name


def _parts(geometry: Any, where: str) -> tuple[Part, ...]:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in _POLYGONS:
        got = f"a {kind}" if isinstance(kind, str) else f"no geometry, but {kind_of(geometry)}"
        raise DataError(f"The geometry of {where} is not a Polygon or MultiPolygon", got=got[:120], fix=_LEAVE_OUT)
    polygons = geometry.get("coordinates")
    polygons = [polygons] if kind == "Polygon" else polygons
    if not isinstance(polygons, list) or not all(isinstance(polygon, list) for polygon in polygons):
        raise DataError(f"The coordinates of {where} are not lists of rings", got=kind_of(polygons), fix=_LEAVE_OUT)
    return tuple(tuple(ring(points, where, _CORNER) for points in polygon) for polygon in polygons if polygon)


def _separated(nuclei: list[Outline], path: Path, notes: Counter[str]) -> list[Outline]:
    """Return the nuclei, one for each polygon if every feature holds all nuclei of a class."""
    far = [nucleus for nucleus in nuclei if _is_far_apart(nucleus)]
    if not far:
        notes[_PIECES] += sum(len(nucleus.parts) > 1 for nucleus in nuclei)
        return nuclei
    if len({nucleus.name for nucleus in nuclei}) != len(nuclei):
        got = f"{far[0].where} and {len(far) - 1} others" if len(far) > 1 else far[0].where
        fix = "write one feature for each nucleus (QuPath: Objects, Split annotations)"
        raise DataError(f"A nucleus in {path} consists of outlines that are far apart", got=got, fix=fix)
    separate = [
        Outline(f"{nucleus.where}, polygon {index}", (part,), nucleus.name)
        for nucleus in nuclei
        for index, part in enumerate(nucleus.parts, 1)
    ]
    notes[_SPLIT] += len(separate)
    return separate


def _is_far_apart(nucleus: Outline) -> bool:
    """Return whether polygons are too far apart for one nucleus.

    They are if one is farther from all others than the largest is long, or if together they are three times as long.
    """
    shells = [part[0] for part in nucleus.parts if len(part[0])]
    if len(shells) < 2:
        return False
    low, high = (np.array([end(shell, axis=0) for shell in shells]) for end in (np.min, np.max))
    longest = np.hypot(*(high - low).T).max()
    gaps = np.maximum(np.maximum(low[:, None] - high[None], low[None] - high[:, None]), 0)
    distances = np.hypot(gaps[..., 0], gaps[..., 1])
    np.fill_diagonal(distances, np.inf)
    whole = np.hypot(*(high.max(axis=0) - low.min(axis=0)))
    return bool(distances.min(axis=1).max() > longest or whole > 3 * longest)
