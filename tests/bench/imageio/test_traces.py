"""Traces of JPEG: found with their quality wherever an image was decoded from one, and nowhere else."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import pytest
from PIL import Image

from bench.datasets.source import open_source
from bench.imageio import jpeg_traces
from bench.imageio.traces import quality_table


@cache
def tiles() -> list[np.ndarray]:
    """Return a few drawn tiles of 256 px that were never compressed."""
    return [sample.image for sample in open_source("phantom", None).samples("train", range(4))]


def decoded(image: np.ndarray, quality: int, subsampling: str = "4:2:0") -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, format="JPEG", quality=quality, subsampling=subsampling)
    return np.asarray(Image.open(file).convert("RGB"))


@pytest.mark.parametrize("quality", [30, 50, 75, 90, 95])
@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_the_quality_is_found(quality: int, subsampling: str) -> None:
    for image in tiles():
        found = jpeg_traces(decoded(image, quality, subsampling))
        assert found is not None
        assert abs(found - quality) <= 2


@pytest.mark.parametrize("corner", [(0, 0), (3, 5), (8, 1), (7, 7)])
def test_crops_that_begin_within_a_block_are_found(corner: tuple[int, int]) -> None:
    for image in tiles():
        found = jpeg_traces(decoded(image, 75)[corner[0] :, corner[1] :])
        assert found is not None
        assert abs(found - 75) <= 2


@pytest.mark.slow
def test_fewer_than_one_in_a_hundred_uncompressed_images_raises_an_alarm() -> None:
    crops = [image[y : y + 64, x : x + 64] for image in tiles() for y in range(0, 256, 64) for x in range(0, 256, 64)]
    crops += [np.ascontiguousarray(crop[::-1, ::-1]) for crop in crops]
    rng = np.random.default_rng(0)
    crops += [rng.integers(0, 256, (64, 64, 3)).astype(np.uint8) for _ in range(10)]
    smooth = np.add.outer(np.arange(128), np.arange(128))[..., None].repeat(3, 2)
    crops += [(smooth // step + 20).astype(np.uint8) for step in (2, 3, 4, 5)]
    checks = np.add.outer(np.arange(128) // 8, np.arange(128) // 8)[..., None].repeat(3, 2) % 2
    crops += [(checks * 100 + 50).astype(np.uint8)]
    assert len(crops) > 140
    assert sum(jpeg_traces(crop) is not None for crop in crops) == 0


def test_resampling_removes_traces() -> None:
    image = Image.fromarray(decoded(tiles()[0], 75))
    assert jpeg_traces(np.asarray(image.resize((200, 200), Image.Resampling.BICUBIC))) is None


def test_images_without_coefficients_have_no_traces() -> None:
    for image in (np.zeros((0, 0, 3)), np.zeros((5, 7, 3)), np.full((64, 64, 3), 255), np.full((64, 64, 3), 200)):
        assert jpeg_traces(image.astype(np.uint8)) is None


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 75, 99, 100])
def test_tables_are_those_of_libjpeg(quality: int) -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, format="JPEG", quality=quality)
    with Image.open(file) as image:
        assert quality_table(quality).ravel().tolist() == list(image.quantization[0])
