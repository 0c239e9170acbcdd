"""The phantom as a dataset: splits without a common slide, tiles that never change."""

from __future__ import annotations

import numpy as np
import pytest

from bench.contract import DatasetInfo
from bench.datasets.phantom.config import CLASSES, MPP
from bench.datasets.phantom.source import Phantom, PhantomTissue
from bench.datasets.phantom.tissue import TISSUE_CLASSES, tissue_mpp
from bench.datasets.prepared.canonical import validate_sample
from bench.datasets.source import DatasetSource
from bench.errors import ConfigError
from tests.bench.datasets.layouts import shipped_card

SMALL = {"train": {"slides": 2, "tiles": 1}, "test": {"slides": 1, "tiles": 2}, "fresh": {"slides": 1, "tiles": 1}}


def small(name: str, size: int, **extra: object):
    splits = SMALL if name == "phantom" else {**SMALL, "pool": {"slides": 1, "tiles": 2}}
    card = shipped_card(name).model_copy(update={"extra": {"size": size, "splits": splits, **extra}})
    return (Phantom if name == "phantom" else PhantomTissue)(card, None)


def test_cards_agree_with_the_drawing() -> None:
    nuclei, tissue = shipped_card("phantom"), shipped_card("phantom-tissue")
    assert nuclei.class_names == CLASSES
    assert nuclei.mpp == MPP
    assert tissue.labels == TISSUE_CLASSES
    assert tissue.mpp == tissue_mpp(tissue.extra["size"], tissue.extra["field"])


@pytest.mark.parametrize("name", ["phantom", "phantom-tissue"])
def test_no_slide_stands_in_two_splits_and_no_id_twice(name) -> None:
    card = shipped_card(name)
    source = (Phantom if name == "phantom" else PhantomTissue)(card, None)
    ids = [item for split in source.splits() for item in source.ids(split)]
    assert len(set(ids)) == len(ids)
    slides = [{item[:8] for item in source.ids(split)} for split in source.splits()]
    planned = sum(split["slides"] for split in card.extra["splits"].values())
    assert sum(map(len, slides)) == len(set.union(*slides)) == planned


def test_nucleus_tiles_are_canonical_and_drawn_alike_each_time() -> None:
    source: DatasetSource = small("phantom", 96)
    card = source.card
    info = DatasetInfo("phantom", "train", "nuclei", card.class_names, (), card.mpp, card.rare)
    first = list(source.samples("train"))
    for sample, again in zip(first, small("phantom", 96).samples("train"), strict=True):
        validate_sample(sample, info)
        assert sample.caption
        np.testing.assert_array_equal(sample.image, again.image)
        np.testing.assert_array_equal(sample.instances, again.instances)
    assert [sample.group for sample in first] == ["slide-01", "slide-02"]
    assert (first[0].image != first[1].image).any()


def test_tissue_patches_show_every_label() -> None:
    source = small("phantom-tissue", 64)
    assert source.ids("fresh") == [f"slide-04-{name.lower()}-0" for name in TISSUE_CLASSES]
    for label in (1, 7):
        sample = source.read("fresh", label)
        assert (sample.label, sample.tissue) == (label, TISSUE_CLASSES[label])
        assert sample.instances is None
        assert sample.caption


def test_the_fingerprint_holds_what_is_drawn() -> None:
    base = small("phantom", 96).fingerprint()
    assert base == small("phantom", 96).fingerprint()
    for other in (small("phantom", 64), small("phantom", 96, config={"seed": 1})):
        assert other.fingerprint() != base
    assert "draw.py" in base["code"]


def test_a_plan_with_an_unknown_key_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean"):
        small("phantom", 96, confg={})


def test_the_pool_of_the_tissue_card_tells_no_class() -> None:
    source = small("phantom-tissue", 64)
    assert source.ids("pool") == [f"slide-05-patch-{number:02d}" for number in range(18)]
    sample = source.read("pool", 3)
    assert (sample.label, sample.caption, sample.tissue, sample.group) == (None, None, None, "slide-05")
    assert (sample.image != source.read("pool", 5).image).any()
    # further slides leave those of the other splits as they were
    unpooled = ("train", "test", "fresh")
    before = PhantomTissue(source.card.model_copy(update={"splits": unpooled}), None)
    for split in unpooled:
        assert source.ids(split) == before.ids(split)
        np.testing.assert_array_equal(source.read(split, 4).image, before.read(split, 4).image)


def test_few_labels_of_nct_are_those_of_histodiffusion() -> None:
    card = shipped_card("nct-crc-he-5pct")
    assert card.source == "nct-crc-he"
    assert card.labelled is not None
    assert round(card.labelled.share * card.expected["train"].tiles) == 5000
