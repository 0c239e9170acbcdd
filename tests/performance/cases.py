"""What is measured, each in a process of its own: `python -m tests.performance.cases CASE FOLDER OUT`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from PIL import Image

from bench.datasets.prepared.write import prepare
from bench.datasets.source import DatasetSource

THREADS = 2


class _Quiet:
    def advance(self, n: int = 1, **values: float) -> None:
        return


def _prepare(source: DatasetSource, out: Path) -> int:
    for split in source.splits():
        prepare(source, split, None, out / split, lambda *_, **__: nullcontext(_Quiet()))
    return sum(len(source.ids(split)) for split in source.splits())


def pannuke(folder: Path, out: Path) -> int:
    """Prepare PanNuke's float64 arrays."""
    from bench.datasets.readers.pannuke.source import PanNuke
    from tests.bench.datasets.layouts import shipped_card

    return _prepare(PanNuke(shipped_card("pannuke").model_copy(update={"folders": (".",)}), folder), out)


def images(folder: Path, out: Path) -> int:
    """Prepare images in folders by class."""
    from bench.datasets.readers.image_folder import ImageFolder
    from tests.bench.datasets.layouts import shipped_card

    changes = {"labels": ("a", "b"), "extra": {"splits": {"train": "train", "test": "test"}}, "folders": (".",)}
    card = shipped_card("image-folder").model_copy(update={**changes, "generic": False, "divide": None})
    return _prepare(ImageFolder(card, folder), out)


def prepared(folder: Path, out: Path) -> int:
    """Read every sample of prepared splits: images, instance maps, types."""
    from bench.datasets.prepared.read import PreparedDataset

    n = 0
    for split in ("train", "test"):
        data = PreparedDataset(folder / split)
        for index in range(len(data)):
            n += data[index].image.ndim == 3
    return n


def scoring(folder: Path, out: Path) -> int:
    """Read a sealed set as the features stage does."""
    from bench.evaluation.distances.features import SetImages
    from bench.synthetic import SyntheticSet
    from tests.toy import Run

    return sum(image.pixels.ndim == 3 for image in SetImages(SyntheticSet(folder)).read(Run(threads=THREADS)))


def bare(folder: Path, out: Path) -> int:
    """Decode the same files with Pillow and two threads, and nothing else: what `scoring` is measured against."""

    def decode(path: Path) -> int:
        with Image.open(path) as image:
            return int(np.asarray(image).ndim == 3)

    with ThreadPoolExecutor(THREADS) as executor:
        return sum(executor.map(decode, sorted((folder / "images").iterdir())))


def records(folder: Path, out: Path) -> int:
    """Open a prepared split and ask for all that stages ask of its text."""
    from bench.datasets.prepared.read import PreparedDataset

    data = PreparedDataset(folder)
    half = data.subset(range(0, len(data), 2))
    return len(data.ids) if len(set(data.groups)) and len(half) and data.digest else 0


CASES: dict[str, Callable[[Path, Path], int]] = {
    case.__name__: case for case in (pannuke, images, prepared, scoring, bare, records)
}


def peak() -> float:
    """Return the most memory that this process ever held, in MB."""
    status = Path("/proc/self/status").read_text()
    return float(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    case, folder, out = CASES[sys.argv[1]], Path(sys.argv[2]), Path(sys.argv[3])
    begun = time.perf_counter()
    n = case(folder, out)
    print(json.dumps({"n": n, "seconds": time.perf_counter() - begun, "peak": peak()}))
