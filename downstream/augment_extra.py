"""Further augmentation of training patches, as in CellViT's release, which uses albumentations; off by default.

Geometry changes image and labels together; labels take the nearest pixel.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32, Int64, UInt8
from pydantic import Field

from bench.contract import Settings
from downstream.augment import scale_contrast, scale_saturation, separate_mirrored, shift_hue
from downstream.patches import Patch

Image = UInt8[np.ndarray, "h w 3"]

_SEGMENTS = 200
"""Superpixels of an image."""


class ExtraAugmentation(Settings):
    """Probabilities of the operations, each followed by its strength; they are applied in this order."""

    downscale: float = Field(default=0.0, ge=0, le=1)
    downscale_to: float = Field(default=0.5, gt=0, lt=1)  # share of the side, then enlarged again, nearest pixel
    blur: float = Field(default=0.0, ge=0, le=1)
    blur_limit: int = Field(default=10, ge=3)  # largest side of the box, in pixels; sides are odd and from 3
    noise: float = Field(default=0.0, ge=0, le=1)
    noise_variance: float = Field(default=50.0, ge=0)  # largest variance of Gaussian noise, out of 255^2
    jitter: float = Field(default=0.0, ge=0, le=1)
    jitter_scale: float = Field(default=0.25, ge=0)  # largest relative change of brightness and of contrast
    jitter_colour: float = Field(default=0.1, ge=0)  # of saturation; half of it, of the full circle, is that of hue
    superpixels: float = Field(default=0.0, ge=0, le=1)
    superpixels_replaced: float = Field(default=0.1, ge=0, le=1)  # share of superpixels that get their mean colour
    zoom_blur: float = Field(default=0.0, ge=0, le=1)
    zoom_limit: float = Field(default=1.05, ge=1)  # largest factor
    crop: float = Field(default=0.0, ge=0, le=1)
    crop_least: float = Field(default=0.5, gt=0, le=1)  # smallest side of the crop, which is enlarged to the whole
    elastic: float = Field(default=0.0, ge=0, le=1)
    elastic_affine: float = Field(default=15.0, ge=0)  # pixels by which three corners of an affine map are moved
    elastic_sigma: float = Field(default=25.0, gt=0)  # smoothness of the displacement, in pixels
    elastic_alpha: float = Field(default=0.5, ge=0)  # factor of the displacement

    @property
    def changes_geometry(self) -> bool:
        """Whether any operation moves nuclei."""
        return self.crop > 0 or self.elastic > 0


def extra(patch: Patch, rng: np.random.Generator, settings: ExtraAugmentation) -> Patch:
    """Apply each operation with its probability; labels must be as large as the image if geometry changes."""
    image = patch.image
    for probability, operation in (
        (settings.downscale, _downscale),
        (settings.blur, _blur),
        (settings.noise, _noise),
        (settings.jitter, _jitter),
        (settings.superpixels, superpixels),
        (settings.zoom_blur, zoom_blur),
    ):
        if probability > 0 and rng.random() < probability:
            image = operation(image, rng, settings)
    patch = patch._replace(image=image)
    if settings.crop > 0 and rng.random() < settings.crop:
        patch = resampled(patch, *_crop_map(image.shape[0], rng, settings))
    if settings.elastic > 0 and rng.random() < settings.elastic:
        patch = resampled(patch, *_elastic_map(image.shape[0], rng, settings))
    return patch


def resampled(patch: Patch, xs: Float32[np.ndarray, "h w"], ys: Float32[np.ndarray, "h w"]) -> Patch:
    """Take every pixel of a patch from (x, y); beyond its border it is mirrored, and mirror images are separate."""
    assert patch.image.shape[:2] == patch.instances.shape
    image = cv2.remap(patch.image, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    height, width = patch.instances.shape
    rows, columns = _mirrored(ys, height), _mirrored(xs, width)
    instances = separate_mirrored(patch.instances[rows, columns])
    return patch._replace(image=np.asarray(image), instances=instances, types=patch.types[rows, columns])


def superpixels(image: Image, rng: np.random.Generator, settings: ExtraAugmentation) -> Image:
    """Give some superpixels their mean colour.

    Superpixels are found at no more than half the usual 256 px. albumentations also leaves the rest of the image at
    that resolution, which is not done here.
    """
    from skimage.segmentation import slic

    height, width = image.shape[:2]
    factor = min(1.0, 128 / max(height, width))
    small = cv2.resize(image, (round(width * factor), round(height * factor)), interpolation=cv2.INTER_AREA)
    found = slic(small, n_segments=_SEGMENTS, compactness=10, start_label=0)  # type: ignore[no-untyped-call]
    segments = cv2.resize(found.astype(np.int32), (width, height), interpolation=cv2.INTER_NEAREST)
    n = int(segments.max()) + 1
    chosen = rng.random(n) < settings.superpixels_replaced
    areas = np.maximum(np.bincount(segments.ravel(), minlength=n), 1)
    sums = [np.bincount(segments.ravel(), weights=image[..., c].ravel(), minlength=n) for c in range(3)]
    means = np.rint(np.stack(sums, axis=1) / areas[:, None]).astype(np.uint8)
    return np.asarray(np.where(chosen[segments][..., None], means[segments], image))


def zoom_blur(image: Image, rng: np.random.Generator, settings: ExtraAugmentation) -> Image:
    """Average the image with copies that are enlarged about its centre by 1 up to a random factor."""
    factors = np.arange(1.0, rng.uniform(1.0, settings.zoom_limit), rng.uniform(0.01, 0.03))
    total = image.astype(np.float32)
    side = image.shape[0]
    centre = (side - 1) / 2
    for factor in factors:
        matrix = np.array([[factor, 0, centre * (1 - factor)], [0, factor, centre * (1 - factor)]])
        total += cv2.warpAffine(
            image, matrix, (image.shape[1], side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
    return _rounded(total / (len(factors) + 1))


def _downscale(image: Image, rng: np.random.Generator, settings: ExtraAugmentation) -> Image:
    height, width = image.shape[:2]
    shape = max(1, round(width * settings.downscale_to)), max(1, round(height * settings.downscale_to))
    small = cv2.resize(image, shape, interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST))


def _blur(image: Image, rng: np.random.Generator, settings: ExtraAugmentation) -> Image:
    side = int(rng.choice(np.arange(3, settings.blur_limit + 1, 2)))
    return np.asarray(cv2.blur(image, (side, side), borderType=cv2.BORDER_REFLECT_101))


def _noise(image: Image, rng: np.random.Generator, settings: ExtraAugmentation) -> Image:
    deviation = np.float32(np.sqrt(rng.uniform(0, settings.noise_variance)))
    return _rounded(image + deviation * rng.standard_normal(image.shape, dtype=np.float32))


def _jitter(image: Image, rng: np.random.Generator, settings: ExtraAugmentation) -> Image:
    scale, colour = settings.jitter_scale, settings.jitter_colour
    for step in rng.permutation(4):
        if step == 0:
            image = _rounded(image * np.float32(1 + rng.uniform(-scale, scale)))
        elif step == 1:
            image = scale_contrast(image, 1 + rng.uniform(-scale, scale))
        elif step == 2:
            image = scale_saturation(image, 1 + rng.uniform(-colour, colour))
        else:
            image = shift_hue(image, rng.uniform(-colour / 2, colour / 2) * 180)
    return image


def _crop_map(size: int, rng: np.random.Generator, settings: ExtraAugmentation) -> tuple[np.ndarray, np.ndarray]:
    side = int(rng.integers(max(1, int(settings.crop_least * size)), size + 1))
    y, x = rng.integers(0, size - side + 1, 2)
    inside = (np.arange(size, dtype=np.float32) + 0.5) * np.float32(side / size) - 0.5
    xs, ys = np.meshgrid(np.clip(inside, 0, side - 1) + np.float32(x), np.clip(inside, 0, side - 1) + np.float32(y))
    return xs.astype(np.float32), ys.astype(np.float32)


def _elastic_map(size: int, rng: np.random.Generator, settings: ExtraAugmentation) -> tuple[np.ndarray, np.ndarray]:
    """Return a random affine map with a small smooth displacement."""
    centre, third = size / 2, size / 3
    corners = np.array(
        [[centre + third, centre + third], [centre + third, centre - third], [centre - third, centre - third]]
    )
    moved = corners + rng.uniform(-settings.elastic_affine, settings.elastic_affine, corners.shape)
    matrix = cv2.getAffineTransform(moved.astype(np.float32), corners.astype(np.float32))
    xs, ys = np.meshgrid(np.arange(size, dtype=np.float64), np.arange(size, dtype=np.float64))
    mapped = np.einsum("ij,jhw->ihw", matrix, np.stack([xs, ys, np.ones_like(xs)]))
    shifts = [
        settings.elastic_alpha * cv2.GaussianBlur(rng.uniform(-1, 1, (size, size)), (0, 0), settings.elastic_sigma)
        for _ in range(2)
    ]
    return (mapped[0] + shifts[0]).astype(np.float32), (mapped[1] + shifts[1]).astype(np.float32)


def _mirrored(positions: Float32[np.ndarray, "h w"], length: int) -> Int64[np.ndarray, "h w"]:
    """Return the nearest pixels of an axis that is mirrored at both ends, without repeating the end pixels."""
    if length == 1:
        return np.zeros(positions.shape, np.int64)
    place = np.abs(np.rint(positions).astype(np.int64)) % (2 * length - 2)
    return np.asarray(np.where(place < length, place, 2 * length - 2 - place))


def _rounded(image: np.ndarray) -> Image:
    return np.asarray(np.clip(np.rint(image), 0, 255).astype(np.uint8))
