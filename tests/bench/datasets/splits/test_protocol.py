"""Protocols of cards: what they may say, and those that ship."""

from __future__ import annotations

import pytest

from bench.config.validate import build
from bench.datasets.card import card_names, load_card
from bench.datasets.splits.protocol import Protocol
from bench.errors import ConfigError


def made(**values: object) -> Protocol:
    return build(Protocol, values, "a protocol")


def test_it_says_how_many_folds_it_has_and_what_it_is() -> None:
    assert made(folds=5).n_folds == 5
    assert made(folds=5).summary == "5 folds, a fixed test set"
    assert made(folds=4, test="held-out").summary == "4 folds, each tested on what it holds out"
    assert made(rotate=["a*", "b*", "c*"]).n_folds == 3
    assert made(leave_out=["a*", "b*"]).n_folds == 2
    assert made(leave_out=["a*", "b*"]).summary == "2 parts, each tested by training on the others"
    assert (made(divide={"test": 0.2}).n_folds, made(divide={"test": 0.2}).summary) == (1, "20% of all tiles for tests")
    assert (made(seeds=5).n_folds, made(seeds=5).summary) == (1, "the splits of the card, 5 seeds")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"fold": 5}, "folds"),
        ({"folds": 1}, "greater than or equal to 2"),
        ({"folds": 5, "test": "own"}, "'fixed' or 'held-out'"),
        ({"folds": 5, "rotate": ["a", "b", "c"]}, "one of `folds`, `rotate`"),
        ({"rotate": ["a", "b", "c"], "divide": {"test": 0.2}}, "one of `folds`, `rotate`"),
        ({"rotate": ["a", "b"]}, "at least 3 parts"),
        ({"leave_out": ["a"]}, "at least 2 parts"),
        ({"leave_out": ["a", "b"], "folds": 2}, "one of `folds`, `rotate`"),
        ({"seeds": 5, "test": "held-out"}, "belong to `folds`"),
    ],
)
def test_what_means_nothing_is_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made(**values)
    assert said in caught.value.fix


def test_the_published_protocols_ship() -> None:
    for name in ("consep", "glysac"):
        protocols = load_card(name).protocols
        assert (protocols["hovernet-5fold"].n_folds, protocols["sonnet-4fold"].n_folds) == (5, 4)
        assert protocols["fixed-5seeds"].seeds == 5
        assert {one.test for one in protocols.values()} == {"fixed"}
    assert load_card("pannuke").protocols["official-3fold"].n_folds == 3
    assert load_card("pannuke-fold1").protocols == {}  # its card is one of the official divisions
    assert all("pathdiff-8-2" in load_card(name).protocols for name in ("pannuke", "conic", "pathcap", "monusac"))
    assert sum(bool(load_card(name).protocols) for name in card_names()) >= 6
