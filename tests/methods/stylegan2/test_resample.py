"""The filter against scipy's, which does what the definition says: set zeros between, convolve, keep every second."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d, upfirdn

from methods.stylegan2.resample import blur, downsample, upsample

TAPS = np.array([1, 3, 3, 1]) / 8


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(2, 3, 8, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_upsample_by_definition(images: torch.Tensor) -> None:
    expected = images.numpy()
    for axis in (2, 3):
        length = 2 * expected.shape[axis]
        expected = np.take(upfirdn(2 * TAPS, expected, up=2, axis=axis), range(1, 1 + length), axis=axis)
    np.testing.assert_allclose(upsample(images).numpy(), expected, atol=1e-12)


def test_downsample_by_definition(images: torch.Tensor) -> None:
    expected = images.numpy()
    for axis in (2, 3):
        half = expected.shape[axis] // 2
        filtered = upfirdn(TAPS, expected, axis=axis)
        expected = np.take(filtered, range(2, 2 + 2 * half, 2), axis=axis)
    np.testing.assert_allclose(downsample(images).numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("padding", [1, 2])
def test_blur_by_definition(images: torch.Tensor, padding: int) -> None:
    blurred = blur(images, padding, gain=4.0).numpy()
    assert blurred.shape[2:] == (8 + 2 * padding - 3, 6 + 2 * padding - 3)
    kernel = 4 * np.outer(TAPS, TAPS)
    for image, found in zip(images.numpy().reshape(-1, 8, 6), blurred.reshape(-1, *blurred.shape[2:]), strict=True):
        padded = np.pad(image, padding)
        np.testing.assert_allclose(found, convolve2d(padded, kernel, mode="valid"), atol=1e-12)


def test_brightness_stays() -> None:
    flat = torch.full((1, 1, 8, 8), 0.7)
    assert torch.allclose(upsample(flat)[..., 2:-2, 2:-2], torch.tensor(0.7))
    assert torch.allclose(downsample(flat)[..., 1:-1, 1:-1], torch.tensor(0.7))
