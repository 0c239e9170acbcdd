"""Nuclei as a map without holes and pieces, and writers of it in every format of outlines."""

from __future__ import annotations

import json
from pathlib import Path
from xml.sax.saxutils import quoteattr

import cv2
import numpy as np
import shapely
from pycocotools import mask as rle
from scipy import ndimage

NAMES = ("Epithelial", "Lymphocyte", "stroma, néw", "Tumor: Positive")


def cells(seed: int, size: tuple[int, int] = (70, 90), n: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Return ids 1..n of one piece without holes, many of which touch others or the border, and their classes."""
    rng = np.random.default_rng(seed)
    ids = np.zeros(size, np.int32)
    rows, columns = np.indices(size)
    for _ in range(n):
        middle, axes, angle = rng.uniform(0, size), rng.uniform(3, 9, 2), rng.uniform(0, np.pi)
        y, x = rows - middle[0], columns - middle[1]
        along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        ids[(along / axes[0]) ** 2 + (across / axes[1]) ** 2 <= 1] = ids.max() + 1
    kept = np.zeros(size, np.int32)
    for index in range(1, ids.max() + 1):
        pieces, count = ndimage.label(ids == index)
        if count:
            largest = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
            whole = ndimage.binary_fill_holes(largest) & (largest | (ids == 0))
            if whole.sum() > 4 and (whole == largest).all():
                kept[whole] = kept.max() + 1
    return kept, rng.integers(1, len(NAMES) + 1, kept.max())


def contour(mask: np.ndarray) -> list[list[int]]:
    """Return the centres of the pixels along the border of a mask of one piece, as OpenCV does."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    assert len(found) == 1
    return found[0][:, 0].tolist()


def edges(mask: np.ndarray) -> shapely.Geometry:
    """Return the polygon along the edges of the pixels of a mask."""
    rows, columns = np.nonzero(mask)
    return shapely.union_all(shapely.box(columns, rows, columns + 1, rows + 1))


def each(ids: np.ndarray, types: np.ndarray):
    return ((index, ids == index, int(types[index - 1])) for index in range(1, ids.max() + 1))


def qupath(path: Path, ids: np.ndarray, types: np.ndarray) -> Path:
    features = [
        {
            "type": "Feature",
            "id": f"4a2f-{index}",
            "geometry": json.loads(shapely.to_geojson(edges(mask))),
            "properties": {"objectType": "detection", "classification": {"name": NAMES[kind - 1], "color": [1, 2, 3]}},
        }
        for index, mask, kind in each(ids, types)
    ]
    path = path.with_suffix(".geojson")
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def old_qupath(path: Path, ids: np.ndarray, types: np.ndarray) -> Path:
    """As QuPath 0.2: a list, the kind of the object as its id, cells with their nucleus, a colour as one number."""
    features = [
        {
            "type": "Feature",
            "id": "PathCellObject",
            "geometry": json.loads(shapely.to_geojson(shapely.buffer(edges(mask), 5))),
            "nucleusGeometry": json.loads(shapely.to_geojson(edges(mask))),
            "properties": {
                "classification": {"name": NAMES[kind - 1], "colorRGB": -377282},
                "isLocked": False,
                "measurements": [{"name": "Nucleus: Area", "value": 3.5}],
            },
        }
        for _, mask, kind in each(ids, types)
    ]
    path = path.with_suffix(".json")
    path.write_text(json.dumps(features))
    return path


def hovernet(path: Path, ids: np.ndarray, types: np.ndarray) -> Path:
    nuclei = {
        str(index): {
            "bbox": [[0, 0], [1, 1]],
            "centroid": [0.5, 0.5],
            "contour": contour(mask),
            "type_prob": 0.9,
            "type": kind,
        }
        for index, mask, kind in each(ids, types)
    }
    path = path.with_suffix(".json")
    path.write_text(json.dumps({"mag": None, "nuc": nuclei}))
    return path


def cellvit(path: Path, ids: np.ndarray, types: np.ndarray) -> Path:
    content = {
        "wsi_metadata": {"base_mpp": 0.25},
        "processed_patches": ["0_0"],
        "type_map": {"0": "Background", **{str(index): name for index, name in enumerate(NAMES, 1)}},
        "cells": [
            {
                "bbox": [[0, 0], [1, 1]],
                "centroid": [0.5, 0.5],
                "contour": contour(mask),
                "type_prob": 0.9,
                "type": kind,
                "patch_coordinates": [0, 0],
                "cell_status": 0,
            }
            for _, mask, kind in each(ids, types)
        ],
    }
    path = path.with_suffix(".json")
    path.write_text(json.dumps(content))
    return path


def imagescope(path: Path, ids: np.ndarray, types: np.ndarray | None) -> Path:
    """One annotation a class if there are classes, else one as in MoNuSeg, with ImageScope's empty description."""
    kinds = np.zeros(ids.max(), int) if types is None else types
    layers = []
    for kind in sorted(set(kinds.tolist())):
        regions = [
            f'<Region Id="{index}" Type="0" NegativeROA="0" Text=""><Vertices>'
            + "".join(f'<Vertex X="{x}" Y="{y}" Z="0"/>' for x, y in contour(mask))
            + "</Vertices></Region>"
            for index, mask, of in each(ids, kinds)
            if of == kind
        ]
        name = '"Description" Id="0" Value=""' if kind == 0 else quoteattr(NAMES[kind - 1])
        layers.append(
            f'<Annotation Id="{kind}" Name=""><Attributes><Attribute Name={name}/></Attributes>'
            f"<Regions>{''.join(regions)}</Regions></Annotation>"
        )
    path = path.with_suffix(".xml")
    path.write_text(f'<Annotations MicronsPerPixel="0.252">{"".join(layers)}</Annotations>', encoding="utf-8")
    return path


def coco(path: Path, images: dict[str, tuple[np.ndarray, np.ndarray]], how: str = "polygons") -> Path:
    """Write one file for many images, by their file names."""
    annotations = []
    for number, (ids, types) in enumerate(images.values(), 1):
        for _, mask, kind in each(ids, types):
            shape = {"polygons": _polygons, "runs": _runs, "compressed": _compressed}[how](mask)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 10 * kind,
                    "segmentation": shape,
                    "iscrowd": 0,
                }
            )
    content = {
        "info": {},
        "images": [
            {"id": number, "file_name": name, "height": ids.shape[0], "width": ids.shape[1]}
            for number, (name, (ids, _)) in enumerate(images.items(), 1)
        ],
        "annotations": annotations,
        "categories": [{"id": 10 * index, "name": name} for index, name in enumerate(NAMES, 1)],
    }
    path = path.with_suffix(".json")
    path.write_text(json.dumps(content))
    return path


def coco_polygons(path: Path, ids: np.ndarray, types: np.ndarray) -> Path:
    return coco(path, {f"train/{path.name}.png": (ids, types)})


def coco_runs(path: Path, ids: np.ndarray, types: np.ndarray) -> Path:
    return coco(path, {f"{path.name}.tif": (ids, types)}, "runs")


def coco_compressed(path: Path, ids: np.ndarray, types: np.ndarray) -> Path:
    return coco(path, {f"C:\\images\\{path.name}.jpg": (ids, types)}, "compressed")


def _polygons(mask: np.ndarray) -> list[list[float]]:
    return [shapely.get_coordinates(part.exterior).ravel().tolist() for part in shapely.get_parts(edges(mask))]


def _runs(mask: np.ndarray) -> dict[str, object]:
    flat = mask.ravel(order="F")
    ends = [0, *(np.flatnonzero(np.diff(flat)) + 1).tolist(), flat.size]
    return {"size": list(mask.shape), "counts": [0] * bool(flat[0]) + np.diff(ends).tolist()}


def _compressed(mask: np.ndarray) -> dict[str, object]:
    return {"size": list(mask.shape), "counts": rle.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()}


NAMED = (qupath, old_qupath, cellvit, imagescope, coco_polygons, coco_runs, coco_compressed)
NUMBERED = (hovernet,)
