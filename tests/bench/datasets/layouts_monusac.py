"""A writer of MoNuSAC's official layout, from toy tiles; its nuclei are outlined by the pixels on their borders."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from bench.formats.labels.canonical import contiguous
from tests.bench.datasets.layouts import Written, write_image
from tests.toy import tile

FOLDERS = {"train": "MoNuSAC_images_and_annotations", "test": "MoNuSAC Testing Data and Annotations"}
NAMES = {1: "Epithelial", 2: "Lymphocyte", 3: "Neutrophil", 4: "Macrophage"}
SHARED = "TCGA-A2-A0ES"
STEMS = {
    "train": [f"TCGA-5P-A9K0-01Z-00-DX1_{n}" for n in (1, 2, 10)] + [f"{SHARED}-01Z-00-DX1_1"],
    "test": [f"TCGA-2Z-A9JG-01Z-00-DX1_{n}" for n in (1, 2)] + [f"{SHARED}-01Z-00-DX1_2"],
}
AMBIGUOUS = [(30.0, 31.0), (44.5, 31.0), (44.5, 50.2), (30.0, 50.2)]  # covers columns 30..44, rows 31..50


def write_monusac(root: Path, stems: dict[str, list[str]] = STEMS, size: int = 64) -> dict[str, dict[str, Written]]:
    """Write both splits: of the training tiles the first is RGBA; the second test tile is a slide alone."""
    return {
        split: {
            stem: write_tile(folder_of(root, split, stem), stem, 50 * len(split) + number, size, split, number)
            for number, stem in enumerate(names)
        }
        for split, names in stems.items()
    }


def folder_of(root: Path, split: str, stem: str) -> Path:
    return root / FOLDERS[split] / stem.rsplit("_", 1)[0]


def write_tile(folder: Path, stem: str, seed: int, size: int, split: str, number: int) -> Written:
    image, instances, types = tile(seed, size, density=0.01)
    image, instances = image[: size - 7], instances[: size - 7]  # no square, so that rows are not columns
    whole = [index for index in range(1, len(types) + 1) if is_whole(instances == index)]
    instances, kept = contiguous(np.where(np.isin(instances, whole), instances, 0).astype(np.int32))
    types = types[kept - 1]
    outlines = [(NAMES[int(kind)], outline(instances == index)) for index, kind in enumerate(types, 1)]
    if split == "test":
        outlines.insert(2, ("Ambiguous", AMBIGUOUS))
    slide_alone = split == "test" and number == 1
    if not slide_alone:
        write_image(folder / f"{stem}.tif", image, alpha=split == "train" and number == 0)
    write_slide(folder / f"{stem}.svs", image)
    write_xml(folder / f"{stem}.xml", outlines)
    return Written(image, instances, types)


def is_whole(mask: np.ndarray) -> bool:
    """Say whether a region is there, in one piece, and without holes: one outline can draw it."""
    return len(cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)[0]) == 1


def outline(mask: np.ndarray) -> list[tuple[float, float]]:
    """Return the (x, y) of the border pixels of a region without holes."""
    (line,), _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return [(float(x), float(y)) for x, y in line[:, 0]]


def write_slide(path: Path, image: np.ndarray) -> None:
    """Write a tiled-looking slide: the image, LZW-compressed, and a thumbnail as second page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    thumbnail = Image.fromarray(image).resize((8, 8))
    pages = {"save_all": True, "append_images": [thumbnail]}
    Image.fromarray(image).save(path, format="TIFF", compression="tiff_lzw", **pages)


def write_xml(path: Path, outlines: list[tuple[str, list[tuple[float, float]]]]) -> None:
    """Write one annotation an outline, in order, as ImageScope lays them out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<Annotations MicronsPerPixel="0.252000">']
    for index, (name, vertices) in enumerate(outlines, 1):
        points = "".join(f'<Vertex X="{float(x)!r}" Y="{float(y)!r}" Z="0"/>' for x, y in vertices)
        lines.append(
            f'<Annotation Id="{index}" Name=""><Attributes><Attribute Name="{name}" Id="0" Value=""/></Attributes>'
            f'<Regions><RegionAttributeHeaders/><Region Id="{index}" Type="0"><Vertices>{points}</Vertices></Region>'
            "</Regions><Plots/></Annotation>"
        )
    path.write_text("\n".join([*lines, "</Annotations>"]), encoding="utf-8")
