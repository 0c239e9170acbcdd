"""Prepared splits: what is written comes back, lazily, with digests that mean something."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.contract import Dataset, Sample, SampleRecord
from bench.datasets.prepared.read import PreparedDataset
from bench.datasets.prepared.write import prepare
from bench.datasets.readers.consep import CoNSeP
from bench.datasets.tile_source import TileSource
from bench.errors import DataError
from methods.controls.recompressed import recompress
from tests.bench.datasets.layouts import Counted, shipped_card, toy_card, write_consep
from tests.toy import NucleiDataset

CARD = shipped_card("consep").model_copy(update={"labels": ("benign", "malignant")})


class Memory(TileSource):
    """A source of samples in memory."""

    own_groups = "slide"

    def __init__(self, samples: Sequence[Sample]) -> None:
        super().__init__(CARD, None)
        self.list = list(samples)

    def locate(self) -> Path:
        return Path()

    def ids(self, split: str) -> Sequence[str]:
        return [sample.id for sample in self.list]

    def read(self, split: str, index: int) -> Sample:
        return self.list[index]

    def samples(self, split: str, places: Sequence[int] | None = None) -> Iterator[Sample]:
        """Return the samples as they are, which may break the contract."""
        return iter(self.list if places is None else [self.list[place] for place in places])


def toys(n: int = 4, size: int = 40) -> list[Sample]:
    return [replace(sample, mpp=0.25) for sample in NucleiDataset(n_tiles=n, size=size).samples]


def prepared(out: Path, samples: Sequence[Sample], mpp: float | None = None) -> PreparedDataset:
    prepare(Memory(samples), "train", mpp, out, Counted())
    return PreparedDataset(out)


def equal(a: Sample, b: Sample) -> None:
    for name, value in vars(a).items():
        other = getattr(b, name)
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, other)
            assert value.dtype == other.dtype
        else:
            assert value == other


def test_samples_of_every_kind_come_back(tmp_path) -> None:
    ignore = np.zeros((40, 40), bool)
    ignore[3] = True
    first, second, third, fourth = toys()
    samples = [
        first,
        replace(second, ignore=ignore, label=1, tissue="colon", caption="naïve “quoted”\n€"),
        replace(third, instances=None, types=None, image=np.ones((7, 90, 3), np.uint8)),
        replace(fourth, types=None),
    ]
    dataset = prepared(tmp_path, samples)
    assert isinstance(dataset, Dataset)
    assert dataset.ids == [sample.id for sample in samples]
    assert dataset.groups == ["slide-0", "slide-0", "slide-1", "slide-1"]
    assert [record.label for record in dataset.records] == [None, 1, None, None]
    for index, sample in enumerate(samples):
        equal(dataset[index], sample)
    n_classes = len(dataset.info.classes)
    assert dataset.records == [SampleRecord.of(dataset[index], n_classes) for index in range(4)]
    assert dataset.records[0].nuclei == tuple(np.bincount(first.types, minlength=5)[1:])
    assert sum(dataset.records[2].nuclei + dataset.records[3].nuclei) == 0
    assert (dataset.records[2].height, dataset.records[2].width) == (7, 90)
    assert dataset.info.tissues == ("colon",)
    assert json.loads((tmp_path / "info.json").read_text())["info"]["tissues"] == ["colon"]


def test_an_official_layout_is_prepared_with_counts_and_notes(tmp_path) -> None:
    truth = write_consep(tmp_path / "consep")
    progress = Counted()
    prepare(CoNSeP(toy_card("consep", truth), tmp_path), "train", None, tmp_path / "out", progress)
    assert progress.stages == {"prepare train": (12, 12)}
    dataset = PreparedDataset(tmp_path / "out")
    assert dataset.info.classes == ("miscellaneous", "inflammatory", "epithelial", "spindle")
    assert (dataset.info.name, dataset.info.split, dataset.info.mpp, dataset.info.rare) == (
        "consep",
        "train",
        0.25,
        (1,),
    )
    assert dataset.notes == {"classes_merged": "raw"}
    document = json.loads((tmp_path / "out" / "info.json").read_text())
    expected = np.bincount(np.concatenate([item.types for item in truth["train"].values()]), minlength=5)[1:]
    assert list(document["counts"]["nuclei"].values()) == expected.tolist() == _nuclei(dataset)
    assert document["counts"]["vanished"] == 0
    assert document["digest"] == dataset.digest
    assert document["encoding"]["files"] == {"PNG": 12}
    assert document["encoding"]["jpeg_traces"] == {"images": 12, "found": 0, "quality": None}


def test_traces_of_jpeg_are_recorded_and_change_no_digest(tmp_path) -> None:
    samples = [replace(sample, image=recompress(sample.image, 75)) for sample in toys(2, 128)]
    dataset = prepared(tmp_path, samples)
    path = tmp_path / "info.json"
    document = json.loads(path.read_text())
    assert document["encoding"]["jpeg_traces"] == {"images": 2, "found": 2, "quality": 75}
    del document["encoding"]  # as in data that was prepared before this was recorded
    path.write_text(json.dumps(document))
    assert PreparedDataset(tmp_path).digest == dataset.digest


def test_the_working_resolution_is_everywhere(tmp_path) -> None:
    samples = toys()
    speck = samples[0].instances.copy()
    speck[0, 0] = speck.max() + 1  # a nucleus of one pixel, which half the resolution does not see
    samples[0] = replace(samples[0], instances=speck, types=np.append(samples[0].types, np.uint8(1)))
    dataset = prepared(tmp_path, samples, mpp=0.5)
    assert dataset.info.mpp == dataset[0].mpp == 0.5
    assert dataset[0].image.shape == (*dataset[0].instances.shape, 3) == (20, 20, 3)
    lost = sum(len(sample.types) for sample in samples) - sum(_nuclei(dataset))
    assert json.loads((tmp_path / "info.json").read_text())["counts"]["vanished"] == lost > 0


def test_equal_data_has_equal_digests_and_any_change_another(tmp_path) -> None:
    samples = toys()
    base = prepared(tmp_path / "base", samples).digest
    assert prepared(tmp_path / "again", toys()).digest == base
    first = samples[0]
    image = first.image.copy()
    image[0, 0, 0] ^= 1
    types = first.types.copy()
    types[0] = types[0] % 4 + 1
    renamed = [replace(first, caption="other"), replace(first, group="other"), replace(first, label=0)]
    for index, changed in enumerate([replace(first, image=image), replace(first, types=types), *renamed]):
        assert prepared(tmp_path / str(index), [changed, *samples[1:]]).digest != base
    assert prepared(tmp_path / "order", samples[::-1]).digest != base


def test_subsets_are_views_with_the_digest_of_their_content(tmp_path) -> None:
    samples = toys()
    whole = prepared(tmp_path / "whole", samples)
    view = whole.subset([3, 1], split="validation")
    assert view.ids == [samples[3].id, samples[1].id]
    assert view.info.split == "validation"
    equal(view[0], samples[3])
    assert view.digest == prepared(tmp_path / "part", [samples[3], samples[1]]).digest
    assert view.subset([1]).ids == [samples[1].id]
    assert view.subset([1]).info.split == "validation"
    assert whole.subset(range(4)).digest == whole.digest


def test_pickles_small_and_arrays_are_the_callers_own(tmp_path) -> None:
    dataset = prepared(tmp_path, toys(8)).subset([2, 5])
    dataset[0].image[:] = 0
    assert dataset[0].image.any()
    packed = pickle.dumps(dataset)
    assert len(packed) < 1000
    again = pickle.loads(packed)
    assert again.digest == dataset.digest
    equal(again[1], dataset[1])
    with pytest.raises(IndexError):
        again[2]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda samples: [], "has no samples"),
        (lambda samples: [samples[0], samples[0]], "twice"),
        (lambda samples: [replace(samples[0], group="")], "The group of .* is empty"),
    ],
)
def test_what_cannot_be_prepared(tmp_path, spoil, said) -> None:
    with pytest.raises(DataError, match=said):
        prepared(tmp_path, spoil(toys()))
    with pytest.raises(DataError, match="There is no prepared dataset"):
        PreparedDataset(tmp_path)


def test_a_folder_of_another_schema_or_cut_short_is_refused(tmp_path) -> None:
    dataset = prepared(tmp_path, toys())
    with (tmp_path / "images.u8").open("rb+") as handle:
        handle.truncate(100)
    with pytest.raises(DataError, match=r"images\.u8"):
        dataset[0]
    info = tmp_path / "info.json"
    info.write_text(info.read_text().replace('"schema": 1', '"schema": 99'))
    with pytest.raises(DataError, match="schema 99"):
        PreparedDataset(tmp_path)


def _nuclei(dataset: PreparedDataset) -> list[int]:
    """Return the nuclei of each class."""
    return [sum(counts) for counts in zip(*(record.nuclei for record in dataset.records), strict=True)]


def test_a_limit_keeps_samples_that_are_evenly_spread(tmp_path: Path) -> None:
    prepare(Memory(toys(8)), "train", None, tmp_path, Counted(), limit=3)
    assert PreparedDataset(tmp_path).ids == [toys(8)[place].id for place in (0, 2, 5)]
