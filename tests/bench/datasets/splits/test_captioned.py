"""Captions and masks of one dataset: two halves that share no image and no group."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from bench.contract import Sample
from bench.datasets.prepared.read import PreparedDataset
from bench.datasets.splits.captioned import caption_half, with_captions
from bench.errors import DataError
from tests.bench.datasets.prepared.test_read import prepared


def dataset(folder: Path, groups: Sequence[str], silent: str = "") -> PreparedDataset:
    """Return one sample per letter of `groups`, captioned unless its group is `silent`."""
    samples = [
        Sample(
            f"s{index}",
            np.full((8, 8, 3), index, np.uint8),
            group,
            0.25,
            np.zeros((8, 8), np.int32),
            np.zeros(0, np.uint8),
            caption=None if group in silent else f"caption {index}",
        )
        for index, group in enumerate(groups)
    ]
    return prepared(folder, samples)


@pytest.mark.parametrize(
    ("groups", "silent", "chosen"),
    [
        ("ab", "", "b"),
        ("abc", "", "b"),
        ("aabbccdd", "", "bd"),
        ("dacbdacb", "", "ab"),
        ("abcd", "b", "c"),
        ("ab", "a", "b"),
    ],
)
def test_every_second_group_has_the_captions(tmp_path: Path, groups: str, silent: str, chosen: str) -> None:
    whole = dataset(tmp_path, groups, silent)
    half = caption_half(whole)
    assert sorted(set(half.groups)) == list(chosen)
    assert half.ids == [name for name, group in zip(whole.ids, groups, strict=True) if group in chosen]
    masks = [(name, group) for name, group in zip(whole.ids, groups, strict=True) if name not in half.ids]
    assert masks
    assert not {group for _, group in masks} & set(half.groups)
    assert all(record.caption for record in half.records)
    assert half.digest != whole.digest


def test_one_group_is_refused_and_so_is_a_dataset_without_captions(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be divided into captions and masks") as caught:
        caption_half(dataset(tmp_path / "one", "aaa"))
    assert "one group, 'a'" in caught.value.got
    assert "--data text=NAME" in caught.value.fix
    for read in (with_captions, caption_half):
        with pytest.raises(DataError, match="has a caption, but a method reads captions"):
            read(dataset(tmp_path / read.__name__, "ab", "ab"))


def test_samples_without_captions_are_left_out(tmp_path: Path) -> None:
    some = dataset(tmp_path / "some", "abc", "b")
    assert with_captions(some).ids == ["s0", "s2"]
    everything = dataset(tmp_path / "all", "abc")
    assert with_captions(everything).digest == everything.digest
