"""The folder layouts: one class per format, which writes the samples of one split one by one."""

from __future__ import annotations

import csv
import io
import pickle
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int32

from bench.contract import DatasetInfo, Sample
from bench.errors import DataError
from bench.export.stems import file_stem
from bench.formats.labels.canonical import centroids
from bench.imageio import write_png


class Layout(ABC):
    """A writer of one split into its own folder.

    `images` is the folder of images inside it; file names in tables are relative to that.
    """

    nuclei: ClassVar[bool] = True
    images: ClassVar[str] = "."

    def __init__(self, folder: Path, info: DatasetInfo) -> None:
        self.folder, self.info = folder, info
        self._typed: bool | None = None

    @staticmethod
    def place(split: str, index: int, single: bool) -> str:
        """Return the folder of split number `index` in the export."""
        return "." if single else split

    @abstractmethod
    def add(self, stem: str, sample: Sample) -> str:
        """Write one sample; return the name of its image's file relative to `images`."""

    def close(self) -> None:  # noqa: B027 - most layouts are complete with their last sample
        """Write the data that are known only at the end."""

    def maps(self, sample: Sample) -> tuple[Int32[np.ndarray, "h w"], Int32[np.ndarray, "h w"] | None]:
        """Return the instance map and, if nuclei have classes, the map of their classes.

        Raises:
            DataError: the sample has no nuclei, or some samples have classes and others not.
        """
        if sample.instances is None:
            fix = "export images without nuclei with --format imagefolder"
            raise DataError("A sample has no instance map", got=f"no instance map of {sample.id!r}", fix=fix)
        typed = sample.types is not None
        if self._typed not in (None, typed):
            raise DataError("Only some samples have classes of nuclei", got=f"{sample.id!r}")
        self._typed = typed
        if sample.types is None:
            return sample.instances, None
        return sample.instances, np.concatenate([[0], sample.types]).astype(np.int32)[sample.instances]


class HoVerNet(Layout):
    """`<stem>.npy`, (h, w, 5) int32: R, G, B, instance, class; (h, w, 4) without classes (hover_net's patches)."""

    def add(self, stem: str, sample: Sample) -> str:
        """Write image and maps into one array."""
        instances, types = self.maps(sample)
        layers = [sample.image, instances] + ([] if types is None else [types])
        np.save(self.folder / f"{stem}.npy", np.dstack(layers).astype(np.int32))
        return f"{stem}.npy"


class CoNSeP(Layout):
    """`{Train,Test}/{Images/*.png,Labels/*.mat}`, as CoNSeP was published.

    `inst_map`, `type_map` int32 (h, w), `inst_type` (n, 1), `inst_centroid` float64 (n, 2) as (x, y); the two of
    classes are absent if nuclei have none, as in Kumar's and CPM-17's files.
    """

    images = "Images"

    def __init__(self, folder: Path, info: DatasetInfo) -> None:
        super().__init__(folder, info)
        for name in ("Images", "Labels"):
            (folder / name).mkdir()

    @staticmethod
    def place(split: str, index: int, single: bool) -> str:
        """Return `Train`, `Test`."""
        return split.capitalize()

    def add(self, stem: str, sample: Sample) -> str:
        """Write the image and the four variables."""
        # imported here: scipy.io is slow to import, and the command line lists formats without it
        from scipy.io import savemat

        instances, types = self.maps(sample)
        content: dict[str, Any] = {"inst_map": instances, "inst_centroid": centroids(instances)}
        if types is not None and sample.types is not None:
            content |= {"type_map": types, "inst_type": sample.types.astype(np.int32)[:, None]}
        write_png(self.folder / "Images" / f"{stem}.png", sample.image)
        savemat(self.folder / "Labels" / f"{stem}.mat", content, do_compression=True)
        return f"{stem}.png"


class CellViT(Layout):
    """`fold{k}/{images/*.png,labels/*.npy}`, `types.csv`, `cell_count.csv`, as CellViT prepares PanNuke.

    A label is a pickled dictionary of `inst_map` and `type_map`, int32 (h, w); the type of an image is its tissue.
    """

    images = "images"

    def __init__(self, folder: Path, info: DatasetInfo) -> None:
        super().__init__(folder, info)
        self.tissues: Counter[str] = Counter()
        self._types: list[tuple[str, str]] = []
        self._counts: list[tuple[str, list[int]]] = []
        for name in ("images", "labels"):
            (folder / name).mkdir()

    @staticmethod
    def place(split: str, index: int, single: bool) -> str:
        """Return `fold0`, `fold1`, ... in the order of splits."""
        return f"fold{index}"

    def add(self, stem: str, sample: Sample) -> str:
        """Write the image and the dictionary, and count."""
        instances, types = self.maps(sample)
        if types is None or sample.types is None:
            fix = "use --format hovernet or consep: CellViT trains only on nuclei with classes"
            raise DataError("The format cellvit needs nuclei with classes", got=f"none in {sample.id!r}", fix=fix)
        name = f"{stem}.png"
        write_png(self.folder / "images" / name, sample.image)
        (self.folder / "labels" / f"{stem}.npy").write_bytes(_npy({"inst_map": instances, "type_map": types}))
        tissue = sample.tissue or "unknown"
        self.tissues[tissue] += 1
        self._types.append((name, tissue))
        n_classes = len(self.info.classes)
        self._counts.append((name, np.bincount(sample.types, minlength=n_classes + 1)[1:].tolist()))
        return name

    def close(self) -> None:
        """Write the two tables."""
        write_csv(self.folder / "types.csv", ("img", "type"), self._types)
        rows = [(name, *counts) for name, counts in self._counts]
        write_csv(self.folder / "cell_count.csv", ("Image", *self.info.classes), rows)


class ImageFolder(Layout):
    """`<CLASS>/<stem>.png`; images without a class are in the folder itself."""

    nuclei = False

    def add(self, stem: str, sample: Sample) -> str:
        """Write the image into the folder of its class."""
        folder = "" if sample.label is None else file_stem(self.info.labels[sample.label])
        (self.folder / folder).mkdir(exist_ok=True)
        write_png(self.folder / folder / f"{stem}.png", sample.image)
        return f"{folder}/{stem}.png" if folder else f"{stem}.png"


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table, UTF-8."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _npy(content: dict[str, np.ndarray]) -> bytes:
    """Return the bytes that `np.save` writes of a dictionary, in a form that numpy 1 can read too.

    numpy 2 names its module `numpy._core`, which the numpy of CellViT's environment does not have; both have it
    as `numpy.core`. Protocol 3 names it once, at the beginning.
    """
    stream = io.BytesIO()
    header = {"descr": "|O", "fortran_order": False, "shape": ()}
    np.lib.format.write_array_header_1_0(stream, header)
    payload = pickle.dumps(np.array(content, dtype=object), protocol=3)
    return stream.getvalue() + payload.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n", 1)
