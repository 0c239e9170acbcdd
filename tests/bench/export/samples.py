"""Toy datasets to export, and readers of exports as official code reads them."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.contract import Condition, DatasetInfo, Sample
from bench.formats.labels import read_labels
from bench.imageio import read_rgb
from bench.synthetic import SyntheticSetWriter, tile_role
from tests.toy import NucleiDataset


def toy(n: int = 4, split: str = "train", **changes: object) -> NucleiDataset:
    """Return tiles of coloured discs; `changes` are made to every sample."""
    data = NucleiDataset(n, size=48, split=split)
    data.samples = [replace(sample, **changes) for sample in data.samples]
    return data


class Labelled(NucleiDataset):
    """Patches of tissue classes without nuclei."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.samples = [
            replace(sample, instances=None, types=None, label=index % 3) for index, sample in enumerate(self.samples)
        ]

    @property
    def info(self) -> DatasetInfo:
        return DatasetInfo("tissue", self.split, "tissue", (), ("TUM", "ADI", "a / b"), self.mpp)


def seal(folder: Path, samples: list[Sample], info: DatasetInfo, use: str = "training") -> Path:
    """Seal samples as a synthetic set."""
    writer = SyntheticSetWriter(folder, info, {"source": "slide-0"})
    for index, item in enumerate(samples):
        shown = {name: getattr(item, name) for name in ("id", "instances", "types", "label", "caption", "tissue")}
        made = Condition(**shown, kind="copy", seed=0, sources={tile_role(use): "source"}, crop=(0, 0))
        writer.write(index, made, item.image)
    manifest = {"method": "toy", "variant": "", "config": {}, "seed": 0, "dataset": "toy", "parts": {}, "use": use}
    writer.seal(len(samples), manifest)
    return folder


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


PLACES = {"hovernet": (".", "."), "consep": ("Images", "Labels"), "cellvit": ("images", "labels")}
SUFFIX = {"hovernet": ".npy", "consep": ".mat", "cellvit": ".npy"}


def read_back(folder: Path, format: str, labels: tuple[str, ...] = ()) -> dict[str, Sample]:
    """Read the folder of one split, by the files and the table beside them."""
    groups = {row["file_name"].split("/")[-1]: row for row in table(next(_tops(folder)))}
    found = {}
    for row in table(folder / "metadata.csv"):
        name = row["file_name"]
        stem = groups[name.split("/")[-1]]["stem"]
        label = labels.index(row["label"]) if row["label"] else None
        instances, types = None, None
        if format == "imagefolder":
            image = read_rgb(folder / name)
        else:
            images, places = PLACES[format]
            maps = read_labels(folder / places / f"{stem}{SUFFIX[format]}")
            image = maps.image if format == "hovernet" else read_rgb(folder / images / name)
            instances, types = maps.instances, maps.types
        found[stem] = Sample(stem, image, row["group"], 0.5, instances, types, label, row["caption"] or None)
    return found


def _tops(folder: Path):
    yield from (place / "groups.csv" for place in (folder, folder.parent) if (place / "groups.csv").is_file())


def same(found: Sample, truth: Sample) -> None:
    np.testing.assert_array_equal(found.image, truth.image)
    np.testing.assert_array_equal(found.instances, truth.instances)
    assert found.instances.dtype == np.int32
    if truth.types is None:
        assert found.types is None
    else:
        np.testing.assert_array_equal(found.types, truth.types)
    assert found.group == truth.group
    assert found.caption == truth.caption
