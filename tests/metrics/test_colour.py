"""Colour and reconstruction: blind to what they should be blind to, equal to torchmetrics."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.linalg import sqrtm

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


def test_reconstruction_equals_torchmetrics(agree):
    from skimage.metrics import mean_squared_error
    from skimage.metrics import peak_signal_noise_ratio as peak_signal_noise_ratio_skimage
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

    image, blurred = images(1, 3)[0], ndimage.gaussian_filter(images(1, 3)[0], (1, 1, 0))
    found = reconstruction(image, blurred)
    tensors = [torch.from_numpy(a.transpose(2, 0, 1)[None] / 255.0) for a in (blurred, image)]
    about = {"reference": "torchmetrics", "inputs": "a blurred image of 24 px"}
    theirs = float(peak_signal_noise_ratio(*tensors, data_range=1.0))
    agree("psnr", found.psnr, theirs, function="peak_signal_noise_ratio", bound=1e-4, **about)
    # torchmetrics averages its padded border in; inside of it the maps are equal.
    _, full = structural_similarity_index_measure(*tensors, data_range=1.0, return_full_image=True)
    theirs = float(full[..., 5:-5, 5:-5].mean())
    function = "structural_similarity_index_measure, its padding cut off"
    agree("ssim", found.ssim, theirs, function=function, bound=1e-6, **about)
    about |= {"reference": "scikit-image", "bound": 1e-9}
    agree("mse", found.mse, mean_squared_error(image / 255, blurred / 255), function="mean_squared_error", **about)
    theirs = peak_signal_noise_ratio_skimage(image, blurred)
    agree("psnr", found.psnr, theirs, function="peak_signal_noise_ratio", **about)


def test_colour_distance_equals_its_definition(agree):
    """Pixel by pixel least squares for the stains, and scipy's matrix root."""
    sets = images(30, 4), images(25, 5, -10)
    stains = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
    stains /= np.linalg.norm(stains, axis=1, keepdims=True)

    def features(image):
        density = [-np.log10((pixel + 1.0) / 256.0) for pixel in image.reshape(-1, 3)]
        amounts = [np.linalg.lstsq(stains.T, d, rcond=None)[0] for d in density]
        values = np.concatenate([density, amounts], axis=1)
        return [*values.mean(axis=0), *values.std(axis=0)]

    x, y = (np.array([features(image) for image in images_]) for images_ in sets)
    s, t = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    theirs = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s) + np.trace(t) - 2 * np.trace(sqrtm(s @ t)).real
    about = {"reference": "scipy", "function": "linalg.sqrtm, and numpy's lstsq a pixel"}
    inputs = "30 and 25 smooth images of 24 px"
    agree("colour_fd", colour_distance(*sets).value, theirs, **about, inputs=inputs, bound=1e-6, relative=True)


def test_a_perfect_reconstruction():
    found = reconstruction(images(1, 3)[0], images(1, 3)[0])
    assert (found.mse, found.psnr, found.ssim) == (0, float("inf"), 1)


def test_refuses():
    with pytest.raises(DataError, match="8-bit"):
        reconstruction(images(1, 3)[0], images(1, 3)[0] / 255)
    with pytest.raises(DataError, match="11 px"):
        reconstruction(images(1, 3)[0][:8], images(1, 3)[0][:8])
