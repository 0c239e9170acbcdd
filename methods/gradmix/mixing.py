"""GradMix of one tile: rare nuclei take the places of larger, common nuclei (Doan et al., MICCAI 2022).

This follows the released notebook (QuIIL/Grad_Mix, grad_mix.ipynb) with its defects corrected: the shape of a donor
comes from the label of its own tile, donor mask and donor pixels move together, windows are clipped at borders, an
empty ring is allowed, and ids that lose all their pixels are dropped. Every pixel outside the dilated majors and the
donors is unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int32, UInt8
from scipy import ndimage

from bench.contract import Sample
from methods.gradmix.blending import blend, ring_weights, smooth
from methods.gradmix.config import GradMixConfig
from methods.gradmix.donors import DonorTile, Rare, Unused, donor_tile
from methods.gradmix.measure import Box, Nuclei, measure
from methods.lengths import scaled
from methods.patches import drop_vanished, labels_of


@dataclass(frozen=True)
class MixedTile:
    """A tile after mixing; `image` is None if only labels were requested.

    `origin[i]` is the id that instance i + 1 had before. `swapped` lists the replacements in the order in which they
    were made (JSON values: `nucleus`, its id before; `was` and `now`, its class before and after; `donor`, the id of a
    tile; `donor_nucleus`, an id in that tile; `at`, row and column of its centre). `skipped` counts majors that were
    drawn and kept, because no donor fitted or a neighbour would have lost too much.
    """

    image: UInt8[np.ndarray, "h w 3"] | None
    instances: Int32[np.ndarray, "h w"]
    types: UInt8[np.ndarray, " k"]
    origin: Int32[np.ndarray, " k"]
    swapped: list[dict[str, Any]]
    skipped: int


@dataclass(frozen=True)
class Swap:
    """One replacement, in a window of the target tile.

    `box` is this window, `major` the dilated nucleus and `placed` the donor in it. `shift` leads from a pixel of the
    donor's tile to its pixel in the target tile.
    """

    box: Box
    major: Bool[np.ndarray, "h w"]
    placed: Bool[np.ndarray, "h w"]
    shift: tuple[int, int]


def mix_tile(
    sample: Sample,
    donors: Iterable[DonorTile],
    config: GradMixConfig,
    rng: np.random.Generator,
    *,
    rare: tuple[int, ...] = (1,),
) -> MixedTile:
    """Replace most major nuclei of a tile by rare nuclei of the same tile and of other tiles.

    Args:
        sample: the target tile, with labels.
        donors: other tiles, used in this order after the target's own nuclei; they are read only when needed.
        config: settings; lengths are scaled from 40x to the tile's resolution.
        rng: draws the majors; the labels do not depend on `config.blend`.
        rare: rare classes; every other class is a major class.

    A replacement that would erase a rare nucleus is skipped, so the number of rare nuclei never falls.
    """
    instances, types = labels_of(sample)
    nuclei = measure(instances, len(types))
    unused = Unused(donor_tile(sample, config, rare), donors)
    work = _Work(sample, instances, types, nuclei, config, rare)
    skipped = 0
    for major in _draw_majors(types, nuclei, sample.mpp, config, rare, rng):
        box, dilated = _dilate(instances, nuclei, major, scaled(config.dilation, sample.mpp))
        donor = unused.find(dilated.sum() / config.size_ratio)
        if donor is None or not work.replace(major, box, dilated, *donor):
            skipped += 1
        else:
            unused.strike(donor)
    return work.finish(skipped)


def place_donor(
    donor: Bool[np.ndarray, "a b"], corner: tuple[int, int], centre: Float64[np.ndarray, " 2"]
) -> tuple[int, int]:
    """Return the shift that moves the middle of a donor's bounding box, at `corner`, to `centre`."""
    middle = np.array(corner) + (np.array(donor.shape) - 1) / 2
    row, column = np.floor(centre - middle + 0.5).astype(int).tolist()
    return row, column


class _Work:
    """The tile while it is being mixed."""

    def __init__(
        self,
        sample: Sample,
        instances: Int32[np.ndarray, "h w"],
        types: UInt8[np.ndarray, " n"],
        nuclei: Nuclei,
        config: GradMixConfig,
        rare: tuple[int, ...],
    ) -> None:
        self.sample, self.nuclei, self.config, self.rare = sample, nuclei, config, rare
        self.instances, self.types = instances.copy(), types.copy()
        self.image = sample.image.copy() if config.blend else None
        self.colour = _mean_colour(sample.image, instances) if config.blend else None
        self.left = nuclei.areas.copy()  # pixels that each id has now
        self.whole = nuclei.areas.copy()  # pixels that it had when it was drawn
        self.swapped: list[dict[str, Any]] = []

    def replace(self, major: int, box: Box, dilated: Bool[np.ndarray, "h w"], tile: DonorTile, rare: Rare) -> bool:
        """Replace a major by a donor and return True; return False if its neighbours forbid this."""
        swap = self._fit(box, dilated, rare, self.nuclei.centroids[major - 1])
        if not self._label(major, swap, rare.kind):
            return False
        if self.image is not None:
            self._paint(swap, tile.load())
        self.swapped.append(
            {
                "nucleus": major,
                "was": int(self.types[major - 1]),
                "now": rare.kind,
                "donor": tile.id,
                "donor_nucleus": rare.instance,
                "at": [round(float(value), 1) for value in self.nuclei.centroids[major - 1]],
            }
        )
        self.types[major - 1] = rare.kind
        return True

    def finish(self, skipped: int) -> MixedTile:
        """Drop nuclei without pixels and number the others."""
        kept = np.flatnonzero(self.left > 0).astype(np.int32) + 1
        instances, types = drop_vanished(self.instances, self.types)
        return MixedTile(self.image, instances, types, kept, self.swapped, skipped)

    def _fit(
        self,
        box: Box,
        dilated: Bool[np.ndarray, "h w"],
        rare: Rare,
        centre: Float64[np.ndarray, " 2"],
    ) -> Swap:
        """Put the dilated major and the donor, clipped to the tile, into one window."""
        donor, shift = rare.mask, place_donor(rare.mask, rare.corner, centre)
        starts = [rare.corner[axis] + shift[axis] for axis in (0, 1)]
        low = [max(0, min(starts[axis], box[axis].start)) for axis in (0, 1)]
        high = [min(self.nuclei.shape[axis], max(starts[axis] + donor.shape[axis], box[axis].stop)) for axis in (0, 1)]
        window = (slice(low[0], high[0]), slice(low[1], high[1]))
        size = (high[0] - low[0], high[1] - low[1])
        return Swap(
            window,
            _paste(dilated, (box[0].start - low[0], box[1].start - low[1]), size),
            _paste(donor, (starts[0] - low[0], starts[1] - low[1]), size),
            shift,
        )

    def _label(self, major: int, swap: Swap, kind: int) -> bool:
        """Write the donor's shape under the major's id, unless this takes too much of a neighbour."""
        window = self.instances[swap.box]
        ids, taken = np.unique(window[swap.placed], return_counts=True)
        others = (ids > 0) & (ids != major)
        ids, taken = ids[others], taken[others]
        left = self.left[ids - 1] - taken
        wiped_out = np.isin(self.types[ids - 1], self.rare) & (left == 0)
        if np.any(wiped_out) or np.any(1 - left / self.whole[ids - 1] > self.config.max_cover):
            return False
        self.left[ids - 1] = left
        window[window == major] = 0
        window[swap.placed] = major
        self.left[major - 1] = self.whole[major - 1] = np.count_nonzero(swap.placed)
        return True

    def _paint(self, swap: Swap, source: Sample) -> None:
        """Blend the tinted donor and its surroundings into the window."""
        assert self.image is not None
        assert self.colour is not None
        mpp = self.sample.mpp
        if self.config.inpaint:
            _inpaint(self.image, swap, scaled(self.config.inpaint_radius, mpp))
        ring = swap.major & ~swap.placed
        layer = self._layer(swap, source)
        layer[swap.placed] = np.rint((layer[swap.placed] + self.colour) / 2).astype(np.uint8)
        self.image[swap.box] = blend(self.image[swap.box], layer, ring_weights(swap.placed, ring))
        fine, coarse = scaled(self.config.smooth_red_green, mpp), scaled(self.config.smooth_blue, mpp)
        box, ring = _grown(swap.box, ring, max(fine, coarse), self.nuclei.shape)
        smooth(self.image[box], ring, (fine, fine, coarse))

    def _layer(self, swap: Swap, source: Sample) -> UInt8[np.ndarray, "h w 3"]:
        """Return the donor tile's pixels, moved into the window, and the target's own pixels beyond its border."""
        layer = self.sample.image[swap.box].copy()
        here, there = [], []
        for axis in (0, 1):
            start, stop = swap.box[axis].start - swap.shift[axis], swap.box[axis].stop - swap.shift[axis]
            low, high = max(start, 0), min(stop, source.image.shape[axis])
            here.append(slice(low - start, high - start))
            there.append(slice(low, high))
        layer[tuple(here)] = source.image[tuple(there)]
        return layer


def _draw_majors(
    types: UInt8[np.ndarray, " n"],
    nuclei: Nuclei,
    mpp: float,
    config: GradMixConfig,
    rare: tuple[int, ...],
    rng: np.random.Generator,
) -> list[int]:
    """Draw the majors to replace, smallest first, because the fewest donors fit them."""
    receives = nuclei.inside(scaled(config.border, mpp)) & ~np.isin(types, rare)
    candidates = np.flatnonzero(receives) + 1
    drawn = np.sort(rng.choice(candidates, int(config.fraction * candidates.size), replace=False))
    ascending: list[int] = drawn[np.argsort(nuclei.areas[drawn - 1], kind="stable")].tolist()
    return ascending


def _dilate(
    instances: Int32[np.ndarray, "h w"], nuclei: Nuclei, nucleus: int, iterations: int
) -> tuple[Box, Bool[np.ndarray, "a b"]]:
    """Return a nucleus dilated by a cross, and the window that contains it."""
    box = nuclei.boxes[nucleus - 1]
    assert box is not None
    window, _ = _grown(box, None, iterations, nuclei.shape)
    cross = ndimage.generate_binary_structure(2, 1)
    return window, ndimage.binary_dilation(instances[window] == nucleus, cross, iterations=iterations)


def _grown(
    box: Box, mask: np.ndarray | None, margin: int, shape: tuple[int, int]
) -> tuple[Box, Bool[np.ndarray, "a b"]]:
    """Enlarge a window by a margin, clipped to the tile, and enlarge a mask of it in the same way."""
    rows, columns = (
        slice(max(0, box[axis].start - margin), min(shape[axis], box[axis].stop + margin)) for axis in (0, 1)
    )
    grown = np.zeros((rows.stop - rows.start, columns.stop - columns.start), bool)
    if mask is not None:
        grown = _paste(mask, (box[0].start - rows.start, box[1].start - columns.start), grown.shape)
    return (rows, columns), grown


def _paste(mask: Bool[np.ndarray, "a b"], at: tuple[int, int], size: tuple[int, ...]) -> Bool[np.ndarray, "h w"]:
    """Return an empty mask of `size` with `mask` at a position that may be partly outside."""
    pasted = np.zeros(size, bool)
    top, left = max(0, -at[0]), max(0, -at[1])
    part = mask[top : size[0] - at[0], left : size[1] - at[1]]
    row, column = at[0] + top, at[1] + left
    pasted[row : row + part.shape[0], column : column + part.shape[1]] = part
    return pasted


def _inpaint(image: UInt8[np.ndarray, "h w 3"], swap: Swap, radius: int) -> None:
    """Fill the dilated major from its surroundings, in place (Telea's fast marching method)."""
    import cv2

    box, mask = _grown(swap.box, swap.major, radius + 1, (image.shape[0], image.shape[1]))
    filled = cv2.inpaint(np.ascontiguousarray(image[box]), mask.astype(np.uint8), radius, cv2.INPAINT_TELEA)
    image[box][mask] = filled[mask]


def _mean_colour(image: UInt8[np.ndarray, "h w 3"], instances: Int32[np.ndarray, "h w"]) -> Float64[np.ndarray, " 3"]:
    """Return the mean colour of the nuclei; values of exactly 0 do not count, as in the release."""
    pixels = image[instances > 0]
    counts = np.maximum(np.count_nonzero(pixels, axis=0), 1)
    return np.asarray(pixels.sum(axis=0, dtype=np.float64) / counts)
