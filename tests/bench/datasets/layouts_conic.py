"""Writer of CoNIC's official layout, from toy tiles."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from tests.bench.datasets.layouts import Written
from tests.toy import tile

SOURCES = {"consep_1": 4, "consep_10": 2, "crag_3": 5, "dpath_12": 3, "glas_2": 4, "pannuke_7": 2}
CLASSES = ("neutrophil", "epithelial", "lymphocyte", "plasma", "eosinophil", "connective")
BORDER = 16


def write_conic(root: Path, *, size: int = 64, columns: tuple[str, ...] = CLASSES) -> dict[str, Written]:
    """Write the four files; the last patch is empty. `columns` orders counts.csv."""
    names = [f"{source}-{index:04d}" for source, n in SOURCES.items() for index in range(n)]
    truth, labels, counts = {}, [], []
    for number, name in enumerate(names):
        image, instances, types = tile(number, size, density=0.01)
        types = ((types + np.arange(len(types)) - 1) % 6 + 1).astype(np.uint8)
        if number == len(names) - 1:
            instances, types = np.zeros_like(instances), types[:0]
        truth[name] = Written(image, instances, types)
        labels.append(np.dstack([instances, np.concatenate([[0], types])[instances]]))
        centre = instances[BORDER : size - BORDER, BORDER : size - BORDER]
        kinds = [types[index - 1] for index in set(centre.ravel().tolist()) if index]
        counts.append({kind: kinds.count(index) for index, kind in enumerate(CLASSES, start=1)})
    root.mkdir(parents=True, exist_ok=True)
    np.save(root / "images.npy", np.stack([item.image for item in truth.values()]))
    np.save(root / "labels.npy", np.stack(labels).astype(np.uint16))
    write_rows(root / "counts.csv", [list(columns), *([row[name] for name in columns] for row in counts)])
    write_rows(root / "patch_info.csv", [["patch_info"], *([name] for name in names)])
    return truth


def write_rows(path: Path, rows: list[list[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows)
