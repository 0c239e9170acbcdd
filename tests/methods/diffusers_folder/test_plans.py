"""What is planned: only the labels that the images show, with the sources that they come from."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.contract import DatasetInfo, Sample, SampleRecord
from bench.errors import ConfigError, DataError
from tests import toy
from tests.methods.diffusers_folder.pipelines import COLOURS, MASK, PATCH, method, plain_pipeline, text_pipeline

TRAIN = toy.NucleiDataset(3, 64)


class Tissue:
    """A dataset of two tissue classes with captions, as far as plans read it."""

    info = DatasetInfo("tissue", "train", "tissue", (), ("gland", "stroma"), 0.5)
    ids = groups = ("a", "b", "c")

    @property
    def records(self) -> list[SampleRecord]:
        return [SampleRecord.of(self[index], 0) for index in range(3)]

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Sample:
        image = np.zeros((PATCH, PATCH, 3), np.uint8)
        name = self.ids[index]
        return Sample(name, image, name, 0.5, label=index % 2, caption=f"{self.info.labels[index % 2]} {name}")


def plan(data: Any = None, n: int = 6, **changes: Any) -> list[Any]:
    """Plan with a text pipeline."""
    return list(method(text_pipeline(), **changes).plan(data or {"train": TRAIN}, n, np.random.default_rng(0)))


def test_masks_come_without_captions_that_are_not_shown() -> None:
    for condition in plan(**MASK):
        assert condition.instances is not None
        assert condition.instances.shape == (PATCH, PATCH)
        assert condition.caption is None
        assert set(condition.sources) == {"train"}
        assert condition.crop is not None


def test_masks_with_the_captions_of_their_tiles() -> None:
    assert all(c.caption == "discs on pink" and c.instances is not None for c in plan(**_with_text()))


def test_captions_of_other_data_are_recorded_as_their_source() -> None:
    found = plan({"train": TRAIN, "text": Tissue()}, **_with_text(), captions="text")
    assert Counter(condition.sources["text"] for condition in found) == {"a": 2, "b": 2, "c": 2}
    for condition in found:
        assert condition.caption.endswith(condition.sources["text"])
        assert "train" in condition.sources
    assert method(text_pipeline(), captions="text").roles == {"train", "text"}


def test_captions_are_used_equally_often() -> None:
    found = plan()
    assert Counter(condition.sources["train"] for condition in found) == dict.fromkeys(TRAIN.ids, 2)
    assert all(c.instances is None and c.types is None and c.crop is None for c in found)
    assert len({condition.seed for condition in found}) == 6


def test_classes_with_captions_of_their_class() -> None:
    found = plan({"train": Tissue()}, conditions=["class", "text"], prompt="{label}: {caption}")
    assert Counter(condition.label for condition in found) == {0: 3, 1: 3}
    for condition in found:
        assert condition.caption.startswith(Tissue.info.labels[condition.label])


def test_dataset_without_captions_is_an_error() -> None:
    bare = toy.NucleiDataset(2, 64)
    bare.samples = [replace(sample, caption=None) for sample in bare.samples]
    for changes in ({}, _with_text()):
        with pytest.raises(DataError, match="lacks captions") as caught:
            plan({"train": bare}, **changes)
        assert "--data text=NAME" in caught.value.fix


def test_unknown_class_is_refused_by_name() -> None:
    few = {name: colour for name, colour in COLOURS.items() if name != "epithelial"} | {"epithelail": [0, 0, 9]}
    with pytest.raises(ConfigError, match="does not name the class 'epithelial'") as caught:
        plan(conditions=["mask"], mask={"colours": few})
    assert "'epithelail'" in caught.value.fix
    assert plan(conditions=["mask"], mask={"colours": {"*": [255, 255, 255]}})
    with pytest.raises(ConfigError, match="class 'stroma'"):
        plan({"train": Tissue()}, conditions=["class"], classes={"gland": 1})


def test_method_says_what_it_shows() -> None:
    assert method(text_pipeline()).conditions == {"text"}
    assert not method(text_pipeline()).draws_any_mask
    assert method(text_pipeline()).draws_any_caption
    assert not method(plain_pipeline(), conditions=[]).draws_any_caption
    assert method(text_pipeline(), **MASK).draws_any_mask
    assert method(plain_pipeline(), conditions=[]).conditions == frozenset()


def _with_text() -> dict[str, Any]:
    return {**MASK, "conditions": ["mask", "text"]}
