"""GradMix once more, slowly: whole-image masks and the published passes, from the list of replacements."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.morphology import disk

from bench.contract import Sample
from methods.gradmix.mixing import MixedTile


def scale(pixels: float, mpp: float) -> int:
    return max(1, int(np.floor(pixels * 0.25 / mpp + 0.5)))


def moved(array: np.ndarray, shift: tuple[int, int], fill: np.ndarray) -> np.ndarray:
    """Move an array by whole pixels over `fill`."""
    out = fill.copy()
    rows, columns = np.indices(out.shape[:2])
    rows, columns = rows - shift[0], columns - shift[1]
    known = (rows >= 0) & (rows < array.shape[0]) & (columns >= 0) & (columns < array.shape[1])
    out[known] = array[rows[known], columns[known]]
    return out


def replay(sample: Sample, tiles: dict[str, Sample], mixed: MixedTile) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return image, instance map (ids as before) and the mask of pixels that may have changed."""
    image, instances = sample.image.astype(np.float64), sample.instances.copy()
    nuclei = sample.image[sample.instances > 0].astype(np.float64)
    colour = np.array([channel[channel > 0].mean() for channel in nuclei.T])
    touched = np.zeros(instances.shape, bool)
    for swap in mixed.swapped:
        major = sample.instances == swap["nucleus"]
        dilated = ndimage.binary_dilation(major, iterations=scale(2, sample.mpp))
        source = tiles[swap["donor"]]
        mask = source.instances == swap["donor_nucleus"]
        rows, columns = np.nonzero(mask)
        centre = np.array([axis.mean() for axis in np.nonzero(major)])
        middle = np.array([(rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2])
        shift = tuple(np.floor(centre - middle + 0.5).astype(int))
        placed = moved(mask, shift, np.zeros_like(major))
        tinted = source.image.astype(np.float64)
        tinted[mask] = (tinted[mask] + colour) / 2
        layer = moved(tinted, shift, sample.image.astype(np.float64))
        ring = dilated & ~placed
        weight = placed.astype(np.float64)
        if ring.any():
            distance = ndimage.distance_transform_cdt(~placed, metric="chessboard") - 1
            weight[ring] = 1 - distance[ring] / max(distance[ring].max(), 1)
        weight = weight[..., None]
        for _ in range(2):
            image = layer * weight + image * (1 - weight)
        image = np.rint(image)
        radii = scale(1, sample.mpp), scale(1, sample.mpp), scale(5, sample.mpp)
        for channel, radius in enumerate(radii):
            median = ndimage.median_filter(image[..., channel], footprint=disk(radius), mode="nearest")
            image[ring, channel] = median[ring]
        instances[instances == swap["nucleus"]] = 0
        instances[placed] = swap["nucleus"]
        touched |= dilated | placed
    return image, instances, touched
