"""Writer of PanNuke's official layout, from toy tiles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.bench.datasets.layouts import Written
from tests.toy import tile

TISSUES = ("Breast", "Colon", "HeadNeck")
N_PATCHES = {1: 10, 2: 8, 3: 12}


def channels(instances: np.ndarray, types: np.ndarray) -> np.ndarray:
    """Return (h, w, 6) float64: ids count 1, 2, ... anew in each channel; channel 5 is 1 on background."""
    masks = np.zeros((*instances.shape, 6))
    for kind in range(1, 6):
        for own, index in enumerate(np.flatnonzero(types == kind) + 1, start=1):
            masks[..., kind - 1][instances == index] = own
    masks[..., 5] = instances == 0
    return masks


def patch(seed: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw a patch whose instances are in the order of their classes, as the loader numbers them."""
    image, instances, types = tile(seed, size, density=0.01)
    types = np.where((types == 4) & (np.arange(len(types)) % 2 == 0), 5, types).astype(np.uint8)
    order = np.argsort(types, kind="stable")
    rank = np.zeros(len(types) + 1, np.int32)
    rank[order + 1] = np.arange(1, len(types) + 1)
    return image, rank[instances], types[order]


def write_fold(
    images: Path, masks: Path, fold: int, n: int, *, size: int = 48, empty: Sequence[int] = ()
) -> dict[str, Written]:
    """Write the three arrays of a fold; `images` and `masks` are the folders that hold the `.npy` files."""
    truth, stacks, tissues = {}, [], []
    for row in range(n):
        image, instances, types = patch(1000 * fold + row, size)
        if row in empty:
            instances, types = np.zeros_like(instances), types[:0]
        truth[f"fold{fold}-{row:04d}"] = Written(image, instances, types)
        stacks.append((image.astype(np.float64), channels(instances, types)))
        tissues.append(TISSUES[row % len(TISSUES)])
    for folder in (images, masks):
        folder.mkdir(parents=True, exist_ok=True)
    np.save(images / "images.npy", np.stack([image for image, _ in stacks]))
    np.save(images / "types.npy", np.array(tissues))
    np.save(masks / "masks.npy", np.stack([mask for _, mask in stacks]))
    return truth


def write_pannuke(root: Path, **options: object) -> dict[str, Written]:
    """Write three folds officially; return every patch by id."""
    truth: dict[str, Written] = {}
    for fold, n in N_PATCHES.items():
        base = root / f"Fold {fold}"
        truth |= write_fold(base / "images" / f"fold{fold}", base / "masks" / f"fold{fold}", fold, n, **options)
    return truth
