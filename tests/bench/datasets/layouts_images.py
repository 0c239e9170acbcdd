"""Writers of datasets of images: folders a class, captions in CSV and JSON, pools."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from bench.datasets.card import DatasetCard, SplitCounts
from tests.bench.datasets.layouts import shipped_card
from tests.toy import tile

NCT_FOLDERS = {"train": "NCT-CRC-HE-100K", "test": "CRC-VAL-HE-7K"}


@dataclass(frozen=True)
class Labelled:
    """What an image must come back as."""

    image: np.ndarray
    label: str


def write_picture(path: Path, seed: int, size: int = 32) -> np.ndarray:
    """Write an image of discs; TIFF and PNG keep it exactly."""
    image = tile(seed, size, density=0.01)[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return image


def write_classes(folder: Path, names: dict[str, int], suffix: str = ".tif", seed: int = 0) -> dict[str, Labelled]:
    """Write `<CLASS>/<CLASS>-00000.tif ...`, so many of each class; returns what each file name holds."""
    truth = {}
    for name, n in names.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for _ in range(n):
            stem = f"{name}-{len(truth) + 1000 * seed:05d}"
            image = write_picture(folder / name / f"{stem}{suffix}", len(truth) + 1000 * seed)
            truth[stem] = Labelled(image, name)
    return truth


def write_nct(root: Path, n: int = 2, folders: dict[str, str] | None = None) -> dict[str, dict[str, Labelled]]:
    """Write a toy NCT-CRC-HE: `n` patches a class to train, one a class and another of TUM to test."""
    labels = shipped_card("nct-crc-he").labels
    counts = {"train": dict.fromkeys(labels, n), "test": {**dict.fromkeys(labels, 1), "TUM": 2}}
    return {
        split: write_classes(root / folder, counts[split], seed=number)
        for number, (split, folder) in enumerate((folders or NCT_FOLDERS).items())
    }


def nct_card(truth: dict[str, dict[str, Labelled]], name: str = "nct-crc-he") -> DatasetCard:
    """Return the shipped card with the counts of toy patches."""
    card = shipped_card(name)
    expected = {}
    for split, images in truth.items():
        stored = [item.label for item in images.values()]
        expected[split] = SplitCounts(tiles=len(stored), labels={label: stored.count(label) for label in card.labels})
    return card.model_copy(update={"expected": expected})


def own_card(source: str, **changes: object) -> DatasetCard:
    """Return a card of one's own for a generic source."""
    values = {"name": "mine", "source": source, "generic": False, "folders": (), "default_downstream": "vit"}
    card = shipped_card(source).model_dump()
    return DatasetCard.model_validate({**card, **values, "extra": {}, **changes})


def write_csv(path: Path, rows: list[dict[str, str]]) -> None:
    """Write rows as CSV; the first one names the columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as handle:
        table = csv.DictWriter(handle, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


PATHCAP = {
    "images/Sarcoma/0@111_fig1.png": "spindle cells in fascicles",
    "images/Sarcoma/0@111_fig2.png": "the same tumour, higher power",
    "images/Thyroid/0@222_fig1.png": "papillae, with fibrovascular cores",
    "images/Thyroid/1@222_fig1.png": "nuclear grooves",
    "images/Lung/0@333_g1.png": "acini in fibrous stroma",
}
"""Captions of a toy PathCap by image: three articles."""


def write_pathcap(root: Path, form: str = "list", with_images: bool = True) -> dict[str, np.ndarray]:
    """Write a toy PathCap; `form` is "list" (records) or "mapping" (image to caption)."""
    root.mkdir(parents=True, exist_ok=True)
    records = [{"img": name, "caption": text} for name, text in PATHCAP.items()]
    (root / "data.json").write_text(json.dumps(records if form == "list" else PATHCAP), encoding="utf-8")
    return {name: write_picture(root / name, seed) for seed, name in enumerate(PATHCAP)} if with_images else {}
