"""Dividing one list of tiles as a card says."""

from __future__ import annotations

import pytest

from bench.datasets.splits.by_card import divided
from bench.datasets.splits.division import Division
from bench.errors import ConfigError
from tests.bench.datasets.layouts import shipped_card

GROUPS = [f"slide-{index // 4}" for index in range(40)]


def card(**changes):
    return shipped_card("conic").model_copy(update=changes)


def test_two_splits_hold_every_tile_once_and_no_group_twice() -> None:
    parts = divided(card(), GROUPS)
    assert list(parts) == ["train", "test"]
    assert sorted(parts["train"] + parts["test"]) == list(range(40))
    assert len(parts["test"]) == 8
    assert not {GROUPS[i] for i in parts["train"]} & {GROUPS[i] for i in parts["test"]}


def test_tissues_are_used_only_where_the_card_asks() -> None:
    tissues = ["liver" if index < 20 else "lung" for index in range(40)]
    parts = divided(card(divide=Division(stratify="tissue")), GROUPS, tissues)
    assert sorted(tissues[index] for index in parts["test"]) == ["liver"] * 4 + ["lung"] * 4
    assert divided(card(), GROUPS, tissues) == divided(card(), GROUPS)


@pytest.mark.parametrize(
    "changes",
    [
        {"divide": None},
        {"splits": ("train", "validation", "test")},
        {"divide": Division(stratify="label")},
        {"divide": Division(stratify="tissue")},  # not known here
    ],
)
def test_a_card_that_cannot_be_followed_is_refused(changes) -> None:
    with pytest.raises(ConfigError, match="conic") as caught:
        divided(card(**changes), GROUPS)
    assert caught.value.fix
