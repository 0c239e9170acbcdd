"""Samples by id of one or several prepared splits."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from bench.contract import Dataset
from bench.datasets.splits.joined import Joined, choose
from bench.errors import ConfigError
from tests.bench.datasets.prepared.test_read import prepared
from tests.bench.datasets.splits.test_folds import slides


@pytest.fixture
def splits(tmp_path):
    both = slides([3, 1, 0, 2], tiles=1)
    return {"train": prepared(tmp_path / "train", both[:2]), "test": prepared(tmp_path / "test", both[2:])}


def test_samples_of_one_split_are_a_view_of_it(splits) -> None:
    chosen = choose(splits, ["1-0"], "validation")
    assert (chosen.ids, chosen.info.split) == (["1-0"], "validation")
    whole = choose(splits, ["1-0", "0-0"], "train")
    assert whole.digest == splits["train"].digest


def test_samples_of_two_splits_are_one_dataset(splits) -> None:
    chosen = choose(splits, ["3-0", "0-0", "1-0"], "test")
    assert isinstance(chosen, Joined)
    assert isinstance(chosen, Dataset)
    assert (len(chosen), list(chosen.ids), list(chosen.groups)) == (3, ["0-0", "1-0", "3-0"], ["g0", "g1", "g3"])
    assert [record.id for record in chosen.records] == list(chosen.ids)
    assert [chosen[index].id for index in range(3)] == list(chosen.ids)
    np.testing.assert_array_equal(chosen[-1].image, splits["test"][1].image)
    with pytest.raises(IndexError):
        chosen[3]
    assert chosen.digest != choose(splits, ["0-0", "1-0", "2-0"], "test").digest
    assert pickle.loads(pickle.dumps(chosen)).digest == chosen.digest


def test_ids_that_are_absent_or_ambiguous_are_refused(splits) -> None:
    with pytest.raises(ConfigError, match="does not have"):
        choose(splits, ["0-0", "9-0"], "train")
    with pytest.raises(ConfigError, match="same id"):
        choose({"train": splits["train"], "test": splits["train"]}, ["0-0"], "train")
