"""Label maps as a ControlNet reads them, and the part of an image that shows a patch."""

from __future__ import annotations

import numpy as np
import pytest

from bench.errors import ConfigError
from methods.diffusers_folder.config import MaskSettings
from methods.diffusers_folder.geometry import cut_patch, place_labels, shown_pixels
from methods.diffusers_folder.masks import encode_mask

LABELS = np.array([[0, 1], [2, 2]])


def test_colours_are_rgb_by_name_in_both_ranges() -> None:
    colours = {"background": [10, 20, 30], "b": [255, 0, 0], "a": [0, 51, 0], "elsewhere": [1, 1, 1]}
    found = encode_mask(LABELS, ("a", "b"), MaskSettings.model_validate({"colours": colours, "range": "0-255"}))
    np.testing.assert_array_equal(found, [[[10, 20, 30], [0, 51, 0]], [[255, 0, 0], [255, 0, 0]]])
    unit = encode_mask(LABELS, ("a", "b"), MaskSettings.model_validate({"colours": colours}))
    np.testing.assert_allclose(unit * 255, found, atol=1e-4)
    assert unit.dtype == np.float32


def test_channels_are_one_hot_by_name() -> None:
    settings = MaskSettings(channels={"b": 0, "background": 1, "*": 3})
    found = encode_mask(LABELS, ("a", "b"), settings)
    np.testing.assert_array_equal(found, [[[0, 1, 0, 0], [0, 0, 0, 1]], [[1, 0, 0, 0], [1, 0, 0, 0]]])
    full = encode_mask(LABELS, ("a", "b"), settings.model_copy(update={"range": "0-255"}))
    np.testing.assert_array_equal(full, found * 255)


def test_labels_are_resized_by_nearest_neighbours_into_the_middle() -> None:
    np.testing.assert_array_equal(place_labels(LABELS, 4, 4), np.kron(LABELS, np.ones((2, 2), int)))
    placed = place_labels(LABELS, 2, 6)
    np.testing.assert_array_equal(placed[2:4, 2:4], LABELS)
    np.testing.assert_array_equal(placed[2:4, 4:6], LABELS[:, ::-1])  # the margin is mirrored
    large = np.random.default_rng(0).integers(0, 5, (64, 64))
    assert set(np.unique(place_labels(large, 24, 32))) <= set(range(5))


def test_patch_covers_the_same_tissue_as_the_middle_of_the_image() -> None:
    assert shown_pixels(256, 0.25, 256, 0.5) == 128
    assert shown_pixels(64, 1.0, 256, 0.5) == 128
    assert shown_pixels(64, 1.0, 256, None) == 256
    with pytest.raises(ConfigError, match="does not fit") as caught:
        shown_pixels(256, 1.0, 256, 0.5)
    assert "method.image_size=512" in caught.value.fix


@pytest.mark.parametrize(("pixels", "patch"), [(8, 8), (8, 16), (8, 4)])
def test_drawn_image_becomes_the_patch_where_the_labels_are(pixels: int, patch: int) -> None:
    labels = np.zeros((patch, patch), int)
    labels[: patch // 2, : patch // 2] = 1
    image = np.repeat(place_labels(labels, pixels, 12)[..., None] * 255, 3, -1).astype(np.uint8)
    cut = cut_patch(image, pixels, patch)
    assert cut.shape == (patch, patch, 3)
    assert ((cut[..., 0] > 127) == (labels == 1)).all()
