"""The stream of training patches: seeded crops of real tiles, and synthetic patches mixed in at a fixed share."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float32, Float64, Int32, UInt8

from bench.contract import Dataset, Sample, TrainingMix
from bench.errors import DataError
from downstream.augment import Augmentation, affine, colour, dihedral, separate_mirrored
from downstream.targets import UNTYPED
from downstream.tiles import window_count

CACHE_BYTES = 1 << 30
"""Decoded tiles are kept in memory up to this many bytes; larger sets are read again for every patch."""


class Patch(NamedTuple):
    """A training patch; the labels may extend equally far beyond the image on all sides.

    If the nuclei of the sample have no types, every pixel of `types` is `UNTYPED`.
    """

    image: UInt8[np.ndarray, "h w 3"]
    instances: Int32[np.ndarray, "H W"]
    types: UInt8[np.ndarray, "H W"]
    synthetic: bool
    tissue: str | None = None

    @property
    def typed(self) -> bool:
        """Whether the type head may learn from this patch."""
        return bool(self.types.flat[0] != UNTYPED)


class PatchStream:
    """Training patches of `size` pixels by number.

    Patch `i` is synthetic if floor((i + 1) f) > floor(i f), where f is the fraction of the mix: any section of the
    stream has this share to within one patch. Synthetic patches are taken in a seeded order that is new in every round.
    Real patches are distributed uniformly over the area of all tiles. All patches are turned and flipped; only real
    tiles that are larger than a patch on both axes are also rotated and scaled, because other patches have no margin,
    and images smaller than a patch are mirrored at their border.

    Args:
        mix: real tiles and synthetic patches.
        size: side of the patches.
        context: how many pixels the labels of real patches extend beyond the image, for targets that need whole nuclei.
        augmentation: strengths of the augmentation.
        seed: seed of the order of synthetic patches.
        weights: how often each real tile is drawn, relative to its area; None draws all in proportion to area.
        augment: changes patches that are cut, turned and flipped; None changes colours as in `augmentation`.

    Raises:
        DataError: a set is empty or unlabelled, or real and synthetic patches differ in resolution or classes.
    """

    def __init__(
        self,
        mix: TrainingMix,
        size: int,
        context: int,
        augmentation: Augmentation,
        seed: int,
        weights: Float32[np.ndarray, " n"] | None = None,
        augment: Callable[[Patch, np.random.Generator], Patch] | None = None,
    ) -> None:
        _check(mix)
        self._augment = augment or self._recolour
        self._size, self._context, self._augmentation, self._seed = size, context, augmentation, seed
        self._fraction = mix.fraction
        self._real = _Tiles(mix.real, typed=bool(mix.real.info.classes), weights=weights)
        self._synthetic = None if mix.synthetic is None or mix.fraction == 0 else _Tiles(mix.synthetic, typed=False)

    def is_synthetic(self, index: int) -> bool:
        """Return whether patch `index` is synthetic."""
        return self._synthetic_before(index + 1) > self._synthetic_before(index)

    def patch(self, index: int, rng: np.random.Generator) -> Patch:
        """Return patch `index`, augmented; a pure function of its arguments."""
        if self._synthetic is not None and self.is_synthetic(index):
            sample = self._synthetic[self._turn(self._synthetic_before(index))]
            patch = self._synthetic_patch(sample, rng)
        else:
            patch = self._real_patch(self._real[self._real.draw(rng)], rng)
        return self._augment(patch, rng)

    def _recolour(self, patch: Patch, rng: np.random.Generator) -> Patch:
        return patch._replace(image=colour(patch.image, rng, self._augmentation))

    def _synthetic_before(self, index: int) -> int:
        # The small term keeps products such as 0.2 x 5 from falling below the whole number that they represent.
        return math.floor(index * self._fraction + 1e-9)

    def _turn(self, count: int) -> int:
        """Return which synthetic sample is number `count`."""
        assert self._synthetic is not None
        n = len(self._synthetic)
        return int(np.random.default_rng((self._seed, count // n)).permutation(n)[count % n])

    def _synthetic_patch(self, sample: Sample, rng: np.random.Generator) -> Patch:
        height, width = sample.image.shape[:2]
        corner = [_corner(length, self._size, rng) for length in (height, width)]
        image, instances, types = dihedral(rng, *window(sample, corner[0], corner[1], self._size))
        return Patch(image, instances, types, True, sample.tissue)

    def _real_patch(self, sample: Sample, rng: np.random.Generator) -> Patch:
        height, width = sample.image.shape[:2]
        y, x = (_corner(length, self._size, rng) for length in (height, width))
        outer, reach = self._size + 2 * self._context, self._context
        if self._augmentation.affine and min(height, width) > self._size:
            centre = np.array([x, y]) + (self._size - 1) / 2
            image, instances, types = warped(sample, centre, affine(rng, self._size, self._augmentation), outer)
        else:
            image, instances, types = window(sample, y - reach, x - reach, outer)
        image, instances, types = dihedral(rng, image, instances, types)
        inner = slice(reach, reach + self._size)
        return Patch(np.ascontiguousarray(image[inner, inner]), instances, types, False, sample.tissue)


def patches_per_epoch(mix: TrainingMix, size: int, output: int) -> int:
    """Return the number of patches in an epoch of a mix: those that cover the real tiles, and synthetic ones.

    Real tiles count as if they were cut with windows of `size` and step `output`, as in the release: 49 patches from
    1000 px, and therefore 1323 from CoNSeP's 27 tiles.
    """
    if mix.fraction >= 1:
        return len(mix.synthetic) if mix.synthetic is not None else 0
    shapes = Counter((tile.height, tile.width) for tile in mix.real.records)
    real = sum(n * window_count(*shape, size, output) for shape, n in shapes.items())
    return round(real / (1 - mix.fraction))


def window(sample: Sample, y: int, x: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut image, instances and types of the `size` x `size` window at (y, x), mirrored beyond the tile's border."""
    assert sample.instances is not None
    height, width = sample.image.shape[:2]
    if 0 <= y <= height - size and 0 <= x <= width - size:
        place = np.s_[y : y + size, x : x + size]
        image, instances = sample.image[place], sample.instances[place]
        return image, instances, type_map(instances, sample)
    rows, columns = mirrored(y, size, height), mirrored(x, size, width)
    instances = sample.instances[np.ix_(rows, columns)]
    return sample.image[np.ix_(rows, columns)], separate_mirrored(instances), type_map(instances, sample)


def warped(
    sample: Sample, centre: Float64[np.ndarray, " 2"], matrix: Float64[np.ndarray, "2 3"], size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut the patch with centre (x, y), mapped by `matrix`; image and labels take the nearest pixel."""
    half = (size - 1) / 2
    reach = math.ceil(float(np.abs(matrix[:, :2]).sum(1).max()) * half + float(np.abs(matrix[:, 2]).max())) + 1
    x, y = (math.floor(value) - reach for value in centre)
    image, instances, types = window(sample, y, x, 2 * reach + 2)
    # Map patch pixels to window pixels: subtract the centre, apply the matrix, subtract the window's corner.
    offset = matrix[:, 2] + centre - (x, y) - matrix[:, :2] @ (half, half)
    to_window = np.column_stack([matrix[:, :2], offset])
    flags, border = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP, cv2.BORDER_REFLECT_101

    def warp(array: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.warpAffine(array, to_window, (size, size), flags=flags, borderMode=border))

    # OpenCV does not warp 32-bit integers; float32 represents ids up to 2^24 exactly.
    return warp(image), warp(instances.astype(np.float32)).astype(np.int32), warp(types)


def mirrored(start: int, size: int, length: int) -> np.ndarray:
    """Return the indices start..start + size - 1 of an axis, mirrored at its ends without repeating them."""
    period = max(1, 2 * (length - 1))
    folded = np.arange(start, start + size) % period
    return np.asarray(np.minimum(folded, period - folded))


def type_map(instances: Int32[np.ndarray, "h w"], sample: Sample) -> UInt8[np.ndarray, "h w"]:
    """Return the class of each pixel of a window of `sample`; `UNTYPED` everywhere if its nuclei have no types."""
    if sample.types is None:
        return np.full(instances.shape, UNTYPED, np.uint8)
    return np.asarray(np.concatenate([np.zeros(1, np.uint8), sample.types])[instances])


class _Tiles:
    """Samples of a dataset, in memory if they fit, drawn in proportion to their area and their weights."""

    def __init__(self, dataset: Dataset, *, typed: bool, weights: Float32[np.ndarray, " n"] | None = None) -> None:
        self._dataset = dataset
        self._kept: list[Sample] = []
        areas, held = [], 0
        for index in range(len(dataset)):
            sample = _labelled(dataset[index], typed)
            areas.append(sample.image.shape[0] * sample.image.shape[1])
            held += 7 * areas[-1]
            if held <= CACHE_BYTES:
                self._kept.append(sample)
        self._edges = np.cumsum(areas)
        self._shares = None if weights is None else np.cumsum(np.asarray(weights, np.float64) * areas)

    def __len__(self) -> int:
        return len(self._edges)

    def __getitem__(self, index: int) -> Sample:
        return self._kept[index] if index < len(self._kept) else self._dataset[index]

    def draw(self, rng: np.random.Generator) -> int:
        if self._shares is not None:
            return int(np.searchsorted(self._shares, rng.random() * self._shares[-1], side="right"))
        return int(np.searchsorted(self._edges, rng.integers(self._edges[-1]), side="right"))


def _corner(length: int, size: int, rng: np.random.Generator) -> int:
    """Draw where a window starts on an axis; a window that is longer than the axis is centred."""
    room = length - size
    return int(rng.integers(room + 1)) if room >= 0 else -(-room // 2)


def _labelled(sample: Sample, typed: bool) -> Sample:
    """Refuse a sample without instances, or without types if it must be `typed`, as real tiles of classes must be."""
    if sample.instances is None or (typed and sample.types is None):
        needed = "instances and types" if typed else "instances"
        raise DataError(f"Nucleus networks need samples with {needed}", got=f"{sample.id} without them")
    if sample.types is not None and len(sample.types) < int(sample.instances.max(initial=0)):
        raise DataError(
            f"The number of types in {sample.id} differs from the number of instances",
            got=f"{len(sample.types)} types, ids up to {sample.instances.max()}",
        )
    return sample


def _check(mix: TrainingMix) -> None:
    if not len(mix.real):
        raise DataError("There are no real tiles to train on", got="an empty dataset")
    if mix.fraction == 0:
        return
    if mix.synthetic is None or not len(mix.synthetic):
        raise DataError(
            f"The mix has a share of {mix.fraction:g} of synthetic patches, but there are none",
            got="an empty synthetic set" if mix.synthetic is not None else "no synthetic set",
        )
    real, synthetic = mix.real.info, mix.synthetic.info
    if real.classes != synthetic.classes or not math.isclose(real.mpp, synthetic.mpp, rel_tol=0.01):
        raise DataError(
            "The synthetic patches differ from the real tiles in classes or resolution",
            got=f"{synthetic.classes} at {synthetic.mpp} um/px, not {real.classes} at {real.mpp}",
        )
