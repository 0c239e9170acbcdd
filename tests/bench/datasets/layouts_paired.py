"""Writers of the official layouts of NuInsSeg, Lizard, MoNuSeg and PUMA, from toy tiles."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import shapely
from PIL import Image
from scipy.io import savemat
from skimage.measure import label

from bench.datasets.card import DatasetCard
from bench.formats.labels.canonical import contiguous
from tests.bench.datasets.layouts import Written, shipped_card, write_image
from tests.bench.datasets.layouts_conic import write_rows
from tests.bench.datasets.layouts_monusac import is_whole, outline
from tests.toy import tile

NUINSSEG = {
    "human bladder": 2,
    "human salivory gland": 3,
    "mouse fat (white and brown)_subscapula": 2,
    "mouse liver": 3,
}
VAGUE = (slice(3, 9), slice(20, 31))
"""Rows and columns of the vague area of each first tile of an organ."""

LIZARD = {"consep_1": 1, "consep_2": 2, "consep_10": 3, "crag_1": 1, "dpath_1": 2, "glas_1": 3, "pannuke_1": 1}
"""The part of each tile."""

MONUSEG = {
    "train": [
        "TCGA-A7-A13E-01Z-00-DX1",
        "TCGA-AY-A8YK-01A-01-TS1",
        "TCGA-B0-5698-01Z-00-DX1",
        "TCGA-G9-6336-01Z-00-DX1",
        "TCGA-18-5592-01Z-00-DX1",
    ],
    "test": ["TCGA-2Z-A9J9-01A-01-TS1", "TCGA-44-2665-01B-06-BS6"],
}
UNPUBLISHED = "TCGA-ZZ-0000-01Z-00-DX1"

PUMA = [f"training_set_{kind}_roi_{n:03d}" for kind in ("primary", "metastatic") for n in (1, 2, 3, 10, 11)]


def small_card(name: str, **extra: object) -> DatasetCard:
    """Return a shipped card that does not expect the published numbers of tiles."""
    card = shipped_card(name)
    kept = {key: None if key == "tiles" else value for key, value in card.extra.items()}
    return card.model_copy(update={"expected": {}, "extra": {**kept, **extra}})


def write_nuinsseg(root: Path, size: int = 72) -> dict[str, Written]:
    """Write images, both kinds of label masks and vague areas; ids go up in steps."""
    truth = {}
    for number, (organ, n) in enumerate(NUINSSEG.items()):
        for index in range(1, n + 1):
            stem = f"{organ.replace(' ', '_')}_{index:02d}"
            image, instances, types = tile(10 * number + index, size, density=0.01)
            folder = root / organ
            write_image(folder / "tissue images" / f"{stem}.png", image)
            write_ids(folder / "label masks modify" / f"{stem}.tif", instances * 2)
            write_ids(folder / "label masks" / f"{stem}.tif", np.where(instances > 0, instances + 1, 0))
            vague = np.zeros((size, size), np.uint8)
            if index == 1:
                vague[VAGUE] = 255
            write_image(folder / "vague areas" / "mask binary" / f"{stem}.png", vague)
            truth[stem] = Written(image, instances, types)
    return truth


def write_ids(path: Path, ids: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(ids.astype(np.uint16)).save(path)


def write_lizard(root: Path, size: int = 48, parts: dict[str, int] = LIZARD) -> dict[str, Written]:
    """Write both folders of images, labels whose lists are in another order than ids, and info.csv."""
    truth = {}
    for number, stem in enumerate(parts):
        image, instances, types = tile(number, size, density=0.01)
        types = ((types + np.arange(len(types)) - 1) % 6 + 1).astype(np.uint8)
        folder = "Lizard_Images1" if number < 4 else "Lizard_Images2"
        write_image(root / folder / f"{stem}.png", image)
        write_lizard_mat(root / "Lizard_Labels" / "Labels" / f"{stem}.mat", instances, types)
        truth[stem] = Written(image, instances, types)
    rows = [["Filename", "Source", "Split"], *([stem, stem.split("_")[0], part] for stem, part in parts.items())]
    write_rows(root / "Lizard_Labels" / "info.csv", rows)
    return truth


def write_lizard_mat(path: Path, instances: np.ndarray, types: np.ndarray) -> None:
    """Write ids with gaps, and lists in descending order of id."""
    path.parent.mkdir(parents=True, exist_ok=True)
    order = np.arange(len(types), 0, -1)
    where = [np.nonzero(instances == index) for index in order]
    savemat(
        path,
        {
            "inst_map": (instances * 3).astype(np.int32),
            "id": (order * 3)[:, None].astype(np.int32),
            "class": types[order - 1][:, None],
            "bbox": np.array([[y.min(), y.max() + 1, x.min(), x.max() + 1] for y, x in where]).reshape(-1, 4),
            "centroid": np.array([[x.mean(), y.mean()] for y, x in where]).reshape(-1, 2),
        },
        do_compression=True,
    )


def write_monuseg(root: Path, size: int = 80, extra: bool = True) -> dict[str, dict[str, Written]]:
    """Write both folders; with `extra`, the training folder holds a tile that was not published."""
    places = {"train": root / "MoNuSeg 2018 Training Data", "test": root / "MoNuSegTestData"}
    truth: dict[str, dict[str, Written]] = {"train": {}, "test": {}}
    for split, stems in MONUSEG.items():
        more = [UNPUBLISHED] if extra and split == "train" else []
        for number, stem in enumerate([*stems, *more]):
            image, instances, types = whole_tile(50 * len(split) + number, size)
            images, annotations = ("Tissue Images", "Annotations") if split == "train" else ("", "")
            write_image(places[split] / images / f"{stem}.tif", image)
            write_unnamed_xml(places[split] / annotations / f"{stem}.xml", instances)
            if stem != UNPUBLISHED:
                truth[split][stem] = Written(image, instances, types)
    return truth


def whole_tile(seed: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw a tile whose nuclei are in one piece without holes, so that outlines can draw them."""
    image, instances, types = tile(seed, size, density=0.01)
    image, instances = image[: size - 7], instances[: size - 7]  # no square, so that rows are not columns
    masks = [instances == index for index in range(1, len(types) + 1)]
    whole = [index for index, mask in enumerate(masks, 1) if is_whole(mask) and label(mask, connectivity=1).max() == 1]
    instances, kept = contiguous(np.where(np.isin(instances, whole), instances, 0).astype(np.int32))
    return image, instances, types[kept - 1]


def write_unnamed_xml(path: Path, instances: np.ndarray) -> None:
    """Write all outlines as regions of one annotation without a class, as MoNuSeg does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    regions = []
    for index in range(1, int(instances.max()) + 1):
        points = "".join(f'<Vertex X="{x!r}" Y="{y!r}" Z="0"/>' for x, y in outline(instances == index))
        regions.append(f'<Region Id="{index}" Type="0" Text=""><Vertices>{points}</Vertices></Region>')
    text = (
        '<Annotations MicronsPerPixel="0.252000">\n<Annotation Id="1" Name="" Type="4" LineColor="65280"><Attributes>'
        f'<Attribute Name="" Id="0" Value=""/></Attributes><Regions><RegionAttributeHeaders/>{"".join(regions)}'
        "</Regions><Plots/></Annotation>\n</Annotations>"
    )
    path.write_text(text, encoding="utf-8")


def write_puma(root: Path, size: int = 80, stems: list[str] = PUMA) -> dict[str, Written]:
    """Write images with alpha and outlines with names of classes; `types` are raw ids."""
    names = shipped_card("puma").raw_classes
    truth = {}
    for number, stem in enumerate(stems):
        image, instances, types = whole_tile(number, size)
        types = ((types + np.arange(len(types)) + number - 1) % 10 + 1).astype(np.uint8)
        write_image(root / "01_training_dataset_tif_ROIs" / f"{stem}.tif", image, alpha=True)
        features = [
            {
                "type": "Feature",
                "id": f"{stem}-{index}",
                "geometry": corners(instances == index),
                "properties": {"objectType": "annotation", "classification": {"name": names[kind], "color": [0, 0, 9]}},
            }
            for index, kind in enumerate(types.tolist(), 1)
        ]
        path = root / "01_training_dataset_geojson_nuclei" / f"{stem}_nuclei.geojson"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
        truth[stem] = Written(image, instances, types)
    return truth


def corners(mask: np.ndarray) -> dict[str, object]:
    """Return a region as a GeoJSON geometry whose vertices are corners of pixels, as QuPath draws them."""
    pixels = [shapely.box(x, y, x + 1, y + 1) for y, x in np.argwhere(mask)]
    return shapely.geometry.mapping(shapely.union_all(pixels))
