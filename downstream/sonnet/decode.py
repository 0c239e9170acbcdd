"""Conversion of SONNET's maps to nuclei: watershed from the cores of the ordinal map, types of the cores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64, UInt8
from scipy import ndimage
from skimage.segmentation import watershed

from bench.contract import Prediction
from downstream.nuclei.decoder import Decoder
from downstream.postprocess import foreground, scale


@dataclass(frozen=True)
class SonnetDecoder(Decoder):
    """Conversion of stitched maps: nucleus probability, ordinal label, logits of the types if there are any.

    `mpp` is micrometres per pixel; sizes scale with it as in :func:`downstream.postprocess.scale`. Pixels whose ordinal
    label reaches `core` mark the nuclei and vote for their types.
    """

    mpp: float
    threshold: float = 0.5
    core: int = 5

    def __call__(self, stitched: Float32[np.ndarray, "h w c"]) -> Prediction:
        """Return the nuclei of an image, with types if there are any, and its foreground."""
        mask = self.foreground(stitched)
        ordinal, logits = stitched[..., 1], stitched[..., 2:]
        instances = separate(mask, ordinal, mpp=self.mpp, core=self.core)
        types = None
        if logits.shape[-1]:
            voted = logits.argmax(-1).astype(np.uint8)
            types = core_types(instances, ordinal >= self.core, voted, logits.shape[-1] - 1)
        return Prediction(instances=instances, types=types, foreground=mask)

    def foreground(self, stitched: Float32[np.ndarray, "h w c"]) -> Bool[np.ndarray, "h w"]:
        """Return the pixels of nuclei before nuclei are separated."""
        return foreground(stitched[..., 0], mpp=self.mpp, threshold=self.threshold)


def separate(
    mask: Bool[np.ndarray, "h w"], ordinal: Float32[np.ndarray, "h w"], *, mpp: float = 0.25, core: int = 5
) -> Int32[np.ndarray, "h w"]:
    """Separate nuclei, with ids exactly 1..n (post_sonnet.py).

    Cores are pixels whose ordinal label reaches `core`; they grow by one pixel at 0.25 um per pixel, those that are
    too small are dropped, and a watershed of the negative ordinal map extends them over `mask`.
    """
    cores = ordinal >= core
    growth = int(0.25 / mpp + 0.5)
    if growth:  # SciPy dilates without end if the number of times is 0
        cores = ndimage.binary_dilation(cores, iterations=growth)
    labels, n = ndimage.label(cores)
    kept = np.bincount(labels.ravel(), minlength=n + 1) >= scale(mpp).least
    kept[0] = False
    grown = watershed(-ordinal, labels * (kept[labels] & mask), mask=mask)  # type: ignore[no-untyped-call]
    present = np.bincount(grown.ravel()) > 0
    present[0] = False
    return np.asarray(np.where(present, np.cumsum(present), 0).astype(np.int32)[grown])


def core_types(
    instances: Int32[np.ndarray, "h w"],
    core: Bool[np.ndarray, "h w"],
    types: UInt8[np.ndarray, "h w"],
    n_types: int,
) -> UInt8[np.ndarray, " n"]:
    """Return the type of each instance of a map whose ids are exactly 1..n: the most frequent one in its core."""
    n = int(instances.max(initial=0))
    inside = (instances > 0) & core
    cells = (instances[inside] - 1).astype(np.int64) * (n_types + 1) + types[inside]
    return chosen(np.bincount(cells, minlength=n * (n_types + 1)).reshape(n, n_types + 1))


def chosen(votes: Int64[np.ndarray, "n t"]) -> UInt8[np.ndarray, " n"]:
    """Return the type of each row of votes.

    Where background (column 0) wins, the best type is chosen if it has more than half as many votes. A nucleus without
    votes is background, as in the release.
    """
    first = votes.argmax(1)
    if votes.shape[1] == 1:
        return np.asarray(first.astype(np.uint8))
    second = votes[:, 1:].argmax(1) + 1
    instead = (first == 0) & (2 * votes[:, 1:].max(1) > votes[:, 0])
    return np.asarray(np.where(instead, second, first).astype(np.uint8))
