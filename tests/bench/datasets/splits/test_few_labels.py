"""Few labels: even over classes, group by group, the pool without any label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from bench.contract import Sample
from bench.datasets.card import DatasetCard
from bench.datasets.prepared.read import PreparedDataset
from bench.datasets.prepared.write import prepare
from bench.datasets.splits.few_labels import Labelled, limit_labels
from bench.datasets.tile_source import TileSource
from bench.errors import DataError
from tests.bench.datasets.layouts import Counted

CARD = DatasetCard.model_validate(
    {
        "name": "toy",
        "title": "toy",
        "task": "tissue",
        "organ": "none",
        "magnification": 20,
        "mpp": 0.5,
        "labels": ("a", "b", "c"),
        "citation": "-",
        "licence": "-",
        "how_to_get": "-",
        "layout": "-",
        "default_downstream": "vit",
    }
)


class Patches(TileSource):
    """Patches of three classes; four in a row share a group."""

    n_patches = 300
    own_groups = "patch"

    def locate(self) -> Path:
        return Path()

    def ids(self, split: str) -> Sequence[str]:
        return [f"patch-{index:03d}" for index in range(self.n_patches)]

    def read(self, split: str, index: int) -> Sample:
        image = np.full((2, 2, 3), index % 256, np.uint8)
        label = index // 4 % 3
        return Sample(f"patch-{index:03d}", image, f"g{index // 4:02d}", 0.5, label=label, caption="words")


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    out = tmp_path_factory.mktemp("limited") / "train"
    prepare(Patches(CARD, None), "train", None, out, Counted())
    return PreparedDataset(out)


def test_as_many_of_each_class_and_the_remainder_by_seed(train: PreparedDataset) -> None:
    few, pool = limit_labels(train, Labelled(share=0.1))
    assert Counter(record.label for record in few.records) == {0: 10, 1: 10, 2: 10}
    assert len(pool) == 270
    assert not set(few.ids) & set(pool.ids)
    odd, _ = limit_labels(train, Labelled(share=31 / 300))
    assert sorted(Counter(record.label for record in odd.records).values()) == [10, 10, 11]


def test_few_groups_are_labelled_and_other_groups_make_a_pool_apart(train: PreparedDataset) -> None:
    few, pool = limit_labels(train, Labelled(share=0.1, pool="other-groups"))
    assert len(set(few.groups)) == 9  # three of four a class, the last one in part
    assert not set(few.groups) & set(pool.groups)
    assert len(pool) == 300 - 4 * 9


def test_the_pool_has_images_and_no_label(train: PreparedDataset) -> None:
    _, pool = limit_labels(train, Labelled(share=0.1))
    sample = pool[0]
    assert (sample.label, sample.caption, sample.types) == (None, None, None)
    assert sample.image.shape == (2, 2, 3)
    assert pool.info.labels == ()
    assert pool.digest != train.digest


def test_the_seed_decides(train: PreparedDataset) -> None:
    first, again, other = (limit_labels(train, Labelled(share=0.1, seed=seed))[0] for seed in (0, 0, 1))
    assert first.ids == again.ids
    assert first.ids != other.ids


def test_too_few_of_a_class_and_too_small_a_share_are_refused(train: PreparedDataset) -> None:
    uneven = train.subset([i for i, record in enumerate(train.records) if record.label != 0 or i < 4])
    with pytest.raises(DataError, match="labelled images of a"):
        limit_labels(uneven, Labelled(share=0.5))
    with pytest.raises(DataError, match="no labelled image"):
        limit_labels(train, Labelled(share=0.001))
