"""Colour and reconstruction: blind to what they should be blind to, equal to torchmetrics."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from bench.errors import DataError
from metrics.colour import colour_distance, colour_features
from metrics.reconstruction import reconstruction


def images(n, seed, shift=0):
    rng = np.random.default_rng(seed)
    base = ndimage.gaussian_filter(rng.normal(size=(n, 24, 24, 3)), (0, 2, 2, 0)) * 200 + (180, 120, 160) + shift
    return np.clip(base, 0, 255).astype(np.uint8)


def test_colour_distance_sees_colour_and_nothing_else():
    rng = np.random.default_rng(0)
    real = images(60, 1)
    scrambled = np.stack([rng.permutation(image.reshape(-1, 3)).reshape(image.shape) for image in real])
    assert colour_distance(real, scrambled).value == pytest.approx(0, abs=1e-9)
    floor, shifted = colour_distance(real, images(60, 2)).value, colour_distance(real, images(60, 2, -25)).value
    assert shifted > 3 * floor


def test_white_is_free_of_stain():
    assert colour_features(np.full((4, 4, 3), 255, np.uint8)) == pytest.approx(np.zeros(10), abs=1e-12)


def test_stains_are_told_apart():
    hematoxylin, eosin = (
        np.broadcast_to(255 * 10 ** -np.array(od), (4, 4, 3)).astype(np.uint8)
        for od in ([0.65, 0.70, 0.29], [0.07, 0.99, 0.11])
    )
    assert colour_features(hematoxylin)[3] > 10 * abs(colour_features(hematoxylin)[4])
    assert colour_features(eosin)[4] > 10 * abs(colour_features(eosin)[3])


def test_reconstruction_equals_torchmetrics():
    image, blurred = images(1, 3)[0], ndimage.gaussian_filter(images(1, 3)[0], (1, 1, 0))
    found = reconstruction(image, blurred)
    tensors = [torch.from_numpy(a.transpose(2, 0, 1)[None] / 255.0) for a in (blurred, image)]
    assert found.psnr == pytest.approx(float(peak_signal_noise_ratio(*tensors, data_range=1.0)), abs=1e-5)
    # torchmetrics averages its padded border in; inside of it the maps are equal.
    _, full = structural_similarity_index_measure(*tensors, data_range=1.0, return_full_image=True)
    assert found.ssim == pytest.approx(float(full[..., 5:-5, 5:-5].mean()), abs=1e-6)
    assert found.mse == pytest.approx(float(((tensors[0] - tensors[1]) ** 2).mean()))


def test_a_perfect_reconstruction():
    found = reconstruction(images(1, 3)[0], images(1, 3)[0])
    assert (found.mse, found.psnr, found.ssim) == (0, float("inf"), 1)


def test_refuses():
    with pytest.raises(DataError, match="8-bit"):
        reconstruction(images(1, 3)[0], images(1, 3)[0] / 255)
    with pytest.raises(DataError, match="11 px"):
        reconstruction(images(1, 3)[0][:8], images(1, 3)[0][:8])
