"""Predicted outlines as HoVer-Net and CellViT write them: contours through the centres of border pixels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.errors import DataError
from bench.formats.json_files import kind_of
from bench.formats.polygons import Outline, Outlines, ring

_LARGEST_CLASS = 255


def is_hovernet(content: Any) -> bool:
    """Return whether a JSON value is HoVer-Net's: `nuc` with nuclei by id."""
    return isinstance(content, dict) and isinstance(content.get("nuc"), dict)


def is_cellvit(content: Any) -> bool:
    """Return whether a JSON value is CellViT's: `cells`, a list."""
    return isinstance(content, dict) and isinstance(content.get("cells"), list)


def hovernet_outlines(content: Mapping[str, Any], path: Path) -> Outlines:
    """Return the nuclei of HoVer-Net's file in its order; classes are numbers, and none if they are null.

    Raises:
        DataError: a nucleus has no valid contour or class.
    """
    nuclei = [_outline(item, f"nucleus {key[:20]}", path) for key, item in content["nuc"].items()]
    return Outlines(tuple(nuclei))


def cellvit_outlines(content: Mapping[str, Any], path: Path) -> Outlines:
    """Return the nuclei of CellViT's `cells.json` in its order; classes are the names of `type_map` if it has one.

    Raises:
        DataError: a cell has no valid contour or class, or `type_map` does not name its class.
    """
    names = _type_map(content.get("type_map"), path)
    nuclei = []
    for number, item in enumerate(content["cells"], 1):
        nucleus = _outline(item, f"cell {number}", path)
        if names and nucleus.kind:
            if nucleus.kind not in names:
                got = f"type {nucleus.kind} of cell {number}"
                raise DataError(f"`type_map` of {path} does not name a class", got=got, fix="predict again")
            nucleus = Outline(nucleus.where, nucleus.parts, names[nucleus.kind])
        nuclei.append(nucleus)
    return Outlines(tuple(nuclei))


def _outline(item: Any, where: str, path: Path) -> Outline:
    if not isinstance(item, dict) or item.get("contour") is None:
        got = f"{where}: {kind_of(item)}"
        fix = "use cells.json of CellViT (cell_detection.json holds only centres), or HoVer-Net's json or mat"
        raise DataError(f"A nucleus in {path} has no contour", got=got, fix=fix)
    kind = item.get("type")
    if kind is not None and not (type(kind) is int and 0 <= kind <= _LARGEST_CLASS):
        fix = "write classes as whole numbers, or null for none"
        raise DataError(f"The type of {where} of {path} is not in 0..{_LARGEST_CLASS}", got=repr(kind)[:40], fix=fix)
    return Outline(where, ((ring(item["contour"], f"{where} of {path}"),),), kind=kind)


def _type_map(given: Any, path: Path) -> dict[int, str]:
    """Return the name of each class; CellViT has written both directions, name to number and number to name."""
    if given is None:
        return {}
    pairs = list(given.items()) if isinstance(given, dict) else [("", given)]
    if all(isinstance(name, str) and str(number).isdecimal() for number, name in pairs):
        return {int(number): name for number, name in pairs}
    if all(type(number) is int for _, number in pairs):
        return {number: name for name, number in pairs}
    fix = 'write it as {"1": "Neoplastic"}'
    raise DataError(f"`type_map` of {path} does not name classes", got=kind_of(given), fix=fix)
