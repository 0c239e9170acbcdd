"""Folders as people have them: images with 16-bit label images, from toy tiles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from bench.importing.command import ImportRequest
from tests.toy import tile


def write_images(folder: Path, n: int = 6, size: int = 80, prefix: str = "ä tile ") -> list[np.ndarray]:
    """Write n images below `folder/img` and their instance maps below `folder/lab`; return the maps."""
    maps = []
    for name in ("img", "lab"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for index in range(n):
        image, instances, _ = tile(index, size, density=0.006)
        Image.fromarray(image).save(folder / "img" / f"{prefix}{index}.png")
        Image.fromarray(instances.astype(np.uint16)).save(folder / "lab" / f"{prefix}{index}.png")
        maps.append(instances)
    return maps


def write_typed(folder: Path, n: int = 3, size: int = 80) -> list[np.ndarray]:
    """Write n arrays (h, w, 5) of image, instances and classes, as HoVer-Net trains on; return the classes."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for index in range(n):
        image, instances, types = tile(index, size, density=0.006)
        classes = np.concatenate([[0], types])[instances]
        np.save(folder / f"patch_{index:03d}.npy", np.dstack([image, instances, classes]).astype(np.int32))
        found.append(types)
    return found


def import_request(folder: Path, store: Path, **changes: object) -> ImportRequest:
    """Ask for an import as a set of the phantom."""
    fields = {"folder": folder, "dataset": "phantom", "method_name": "mine", "store": store, **changes}
    return ImportRequest.model_validate(fields)
