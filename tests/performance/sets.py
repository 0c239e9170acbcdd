"""Writers of large sets in official layouts, from 64 toy patches that are shifted about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from bench.contract import Condition, DatasetInfo
from bench.datasets.prepared.read import DTYPES, INFO_FILE, SAMPLES_FILE, SCHEMA
from bench.formats.parallel import ordered_map
from bench.synthetic import SyntheticSetWriter
from tests.bench.datasets.layouts_pannuke import TISSUES, channels, patch
from tests.toy import CLASSES

SIZE = 256


@cache
def _drawn() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    return [patch(seed, SIZE) for seed in range(64)]


def _shifted(index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    image, instances, types = _drawn()[index % 64]
    shift = 3 * (index // 64)
    return np.roll(image, shift, axis=1), np.roll(instances, shift, axis=1), types


def write_pannuke(folder: Path, n: int) -> None:
    """Write three folds of float64 arrays, 4.7 GB a thousand patches."""
    masks = [channels(instances, types) for _, instances, types in _drawn()]
    for fold, rows in enumerate(np.array_split(np.arange(n), 3), start=1):
        images, labels = (folder / f"Fold {fold}" / kind / f"fold{fold}" for kind in ("images", "masks"))
        for path in (images, labels):
            path.mkdir(parents=True)
        _write_array(images / "images.npy", (len(rows), SIZE, SIZE, 3), (_shifted(i)[0] for i in rows))
        shifted = (np.roll(masks[i % 64], 3 * (i // 64), axis=1) for i in rows)
        _write_array(labels / "masks.npy", (len(rows), SIZE, SIZE, 6), shifted)
        np.save(images / "types.npy", np.array([TISSUES[i % len(TISSUES)] for i in range(len(rows))]))


def _write_array(path: Path, shape: tuple[int, ...], items: Iterator[np.ndarray]) -> None:
    with path.open("wb") as handle:
        np.lib.format.write_array_header_1_0(handle, {"descr": "<f8", "fortran_order": False, "shape": shape})
        for item in items:
            handle.write(np.ascontiguousarray(item, "<f8").tobytes())


def write_folder(folder: Path, n: int, suffix: str) -> None:
    """Write images of two classes into folders, eight of ten in `train`; PNG, or JPEG of quality 90."""

    def write(index: int) -> None:
        split = "test" if index % 10 >= 8 else "train"
        path = folder / split / "ab"[index % 2] / f"{index:06d}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {"compress_level": 1} if suffix == ".png" else {"quality": 90}
        Image.fromarray(_shifted(index)[0]).save(path, **options)

    _drawn()
    for _ in ordered_map(write, range(n)):
        pass


def write_sealed(folder: Path, n: int) -> None:
    """Write a sealed set of images with instance maps."""
    info = DatasetInfo("toy", "synthetic", "nuclei", (*CLASSES, "fifth"), (), 0.25, rare=())
    writer = SyntheticSetWriter(folder, info, {"a": "slide"})

    def write(index: int) -> None:
        image, instances, types = _shifted(index)
        condition = Condition(
            id=f"s{index:06d}",
            kind="copy",
            seed=index,
            instances=instances,
            types=types,
            sources={"train": "a"},
            crop=(0, 0),
        )
        writer.write(index, condition, image)

    _drawn()
    for _ in ordered_map(write, range(n)):
        pass
    writer.seal(n, {"method": "copy"})


def write_records(folder: Path, n: int) -> None:
    """Write the text of a prepared split of `n` patches with 30 nuclei and a caption each, all of the same pixels."""
    folder.mkdir(parents=True)
    info = DatasetInfo("toy", "train", "nuclei", CLASSES, (), 0.25, rare=())
    content = {"schema": SCHEMA, "info": vars(info), "digest": "", "notes": {}, "native_mpp": 0.25, "counts": {}}
    (folder / INFO_FILE).write_text(json.dumps(content))
    for name, _ in DTYPES.values():
        (folder / name).write_bytes(bytes(SIZE * SIZE * 4))
    with (folder / SAMPLES_FILE).open("w") as lines:
        for index in range(n):
            record = {
                "id": f"fold{index % 3}-{index:06d}",
                "group": f"slide-{index // 50}",
                "shape": [SIZE, SIZE],
                "types": [(index + i) % 4 + 1 for i in range(30)],
                "label": None,
                "caption": f"H&E image of tissue {index}, with many inflammatory and few epithelial nuclei",
                "tissue": "colon",
                "mpp": 0.25,
                "digest": f"{index:064x}",
                "offsets": {"image": 0, "instances": 0, "ignore": None},
            }
            lines.write(json.dumps(record) + "\n")
