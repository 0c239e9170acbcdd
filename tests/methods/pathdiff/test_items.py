"""Joint training: the mixture of masks and captions, dropped conditions, and images that are used once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.errors import DataError
from methods.latent.text_config import ControlPart, ControlSettings, ControlTraining
from methods.latent.windows import Windows
from methods.pathdiff.config import MASK_CAPTION
from methods.pathdiff.data import Items, mask_data, without_text
from methods.pathdiff.hints import NULL
from tests import toy
from tests.toy_tissue import TissueDataset

N = 400


def part(**changed: Any) -> ControlPart:
    training = ControlTraining(batch_size=N, p_uncond=changed.pop("p_uncond", 0.0))
    settings = {"p_split": 0.5, "caption": "", "text_dropout": 0.0, "diffusion": None, "colours": {}} | changed
    return ControlPart(patch_size=32, network=ControlSettings(), training=training, **settings)


def text(split: str = "text") -> toy.NucleiDataset:
    return toy.NucleiDataset(n_tiles=3, size=64, seed=9, split=split)


def items(**changed: Any) -> Items:
    return Items(part(**changed), {"train": toy.NucleiDataset(n_tiles=2, size=64), "text": text()}, seed=1)


def kinds(batch: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return which items have a mask, and which have a caption."""
    return ~(batch["hint"] == NULL).all(axis=(1, 2, 3)), batch["caption"] > 1


@pytest.mark.parametrize("p_split", [0.2, 0.5, 0.8])
def test_the_mixture_follows_p_split(p_split: float) -> None:
    masked, captioned = kinds(items(p_split=p_split).batch(0, np.random.default_rng(0)))
    assert abs(captioned.mean() - p_split) < 3 * (p_split * (1 - p_split) / N) ** 0.5
    assert np.array_equal(masked, ~captioned)  # exactly one condition


def test_dropped_items_have_no_condition_at_all() -> None:
    masked, captioned = kinds(items(p_uncond=0.3).batch(0, np.random.default_rng(0)))
    assert not (masked & captioned).any()
    assert abs((~masked & ~captioned).mean() - 0.3) < 0.07


def test_controlnet_sees_masks_with_one_caption() -> None:
    own = items(p_split=0.0, caption=MASK_CAPTION, text_dropout=0.5)
    batch = own.batch(0, np.random.default_rng(0))
    assert kinds(batch)[0].all()
    assert own.captions == ["", MASK_CAPTION]
    assert abs((batch["caption"] == 0).mean() - 0.5) < 0.08
    assert set(batch["caption"]) == {0, 1}


def test_images_and_hints_belong_together() -> None:
    batch = items(p_split=0.0).batch(0, np.random.default_rng(0))
    inside = (batch["hint"][:, :3] > 0).any(axis=1)
    grey = batch["image"].mean(axis=1)
    assert grey[inside].mean() < grey[~inside].mean() - 40  # nuclei are darker than their surroundings


def test_an_image_with_a_caption_is_not_trained_with_its_mask() -> None:
    train = toy.NucleiDataset(n_tiles=4, size=64)
    half = toy.NucleiDataset(n_tiles=2, size=64)  # the same dataset's first tiles
    left = without_text(train, half)
    assert left == frozenset(half.ids)
    kept = Windows([train], 32, 0, left)
    assert len(kept) == (4 - 2) * 4
    assert without_text(train, text("other")) == frozenset()


def test_masks_come_from_the_training_set_or_its_partner() -> None:
    nuclei, tissue = toy.NucleiDataset(), TissueDataset()
    assert mask_data({"train": nuclei}) is nuclei
    assert mask_data({"train": tissue, "mask": nuclei}) is nuclei
    assert mask_data({"train": tissue}) is None
    with pytest.raises(DataError, match="needs a dataset with masks"):
        Items(part(p_split=0.0), {"train": tissue, "text": tissue}, seed=0)


def test_batches_repeat() -> None:
    one, two = (items().batch(3, np.random.default_rng(7)) for _ in range(2))
    assert all(np.array_equal(one[name], two[name]) for name in one)
