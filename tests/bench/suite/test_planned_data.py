"""The sizes of data that are not there, as cards state them."""

from __future__ import annotations

import pytest

from bench.datasets.card import load_card
from bench.errors import DataError
from bench.suite.planned_data import UNKNOWN, PlannedSplit, n_samples


@pytest.mark.parametrize(
    ("dataset", "train", "test"),
    [
        ("consep", 27, 14),
        ("glysac", 34, 25),
        ("pannuke", 6321, 1580),
        ("conic", 3985, 996),
        ("monusac", 209, 101),
        ("nct-crc-he", 100_000, 7180),
        ("phantom", 16, 24),
        ("phantom-tissue", 72, 72),
        ("pathcap", None, None),
    ],
)
def test_sizes_of_cards(dataset: str, train: int | None, test: int | None) -> None:
    card = load_card(dataset)
    assert (n_samples(card, "train"), n_samples(card, "test")) == (train, test)
    assert len(PlannedSplit.of(card, "train")) == (train or UNKNOWN)


@pytest.mark.parametrize(
    ("dataset", "mpp", "side"),
    [("consep", None, 1000), ("consep", 0.5, 500), ("pannuke-fold1", None, 256), ("phantom", 0.5, 128)],
)
def test_sides_of_cards(dataset: str, mpp: float | None, side: int) -> None:
    record = PlannedSplit.of(load_card(dataset), "train", mpp).records[0]
    assert (record.height, record.width) == (side, side)


def test_a_stand_in_is_a_dataset_without_images() -> None:
    data = PlannedSplit.of(load_card("consep"), "train", 0.5)
    assert (data.info.name, data.info.mpp, data.info.rare) == ("consep", 0.5, (1,))
    assert len(set(data.ids)) == len(set(data.groups)) == len(data.records) == 27
    half = data.part(range(0, 27, 2), "train")
    assert (len(half), half.ids[1]) == (14, data.ids[2])
    assert half.digest != data.digest
    with pytest.raises(DataError, match="does not read images"):
        data[0]
