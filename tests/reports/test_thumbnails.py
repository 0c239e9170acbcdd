"""Small pictures: their size, and the smaller of two files."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from reports.thumbnails import encode, thumbnail
from tests import toy


@pytest.mark.parametrize(
    ("side", "longest", "drawn"),
    [
        (32, 192, 128),
        (64, 192, 128),
        (96, 192, 192),
        (100, 192, 100),
        (150, 192, 150),
        (256, 192, 192),
        (128, 384, 256),
    ],
)
def test_pictures_are_neither_tiny_nor_large(side: int, longest: int, drawn: int) -> None:
    image = np.zeros((side, side // 2, 3), np.uint8)
    assert thumbnail(image, None, None, longest).shape == (drawn, drawn // 2, 3)


@pytest.mark.parametrize("drawing", [True, False])
def test_the_smaller_file_shows_the_same(drawing: bool) -> None:
    checks = 255 * (np.indices((64, 64)).sum(0) % 2).astype(np.uint8)
    image = np.dstack([checks] * 3) if drawing else thumbnail(toy.tile(1, 64)[0], None, None, 192)
    content, ending = encode(image)
    assert ending == ("png" if drawing else "webp")
    shown = np.array(Image.open(io.BytesIO(content)).convert("RGB")).astype(float)
    assert shown.shape == image.shape
    assert np.abs(shown - image).mean() < (0.01 if drawing else 6)
