"""The stream of labelled training images: real images, and synthetic ones mixed in at a fixed share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Int64, UInt8

from bench.contract import Dataset, SampleRecord, TrainingMix
from bench.errors import DataError
from downstream.patches import CACHE_BYTES

Image = UInt8[np.ndarray, "h w 3"]


class LabelledImage(NamedTuple):
    """An image of any size, its class 0..C-1, and whether it is synthetic."""

    image: Image
    label: int
    synthetic: bool


class LabelledImages:
    """The images of a dataset, or of some of its samples, with their classes; kept in memory if they fit.

    Args:
        dataset: samples with labels in 0..C-1, where C is the length of `info.labels`.
        indices: which samples to use; None means all.

    Raises:
        DataError: a sample has no label, or a label outside the classes.
    """

    def __init__(self, dataset: Dataset, indices: Sequence[int] | None = None) -> None:
        self._dataset = dataset
        self._indices = range(len(dataset)) if indices is None else indices
        self._kept: list[Image] = []
        known = dataset.records
        records = [known[index] for index in self._indices]
        labels = [_label(record, len(dataset.info.labels)) for record in records]
        self.labels: Int64[np.ndarray, " n"] = np.array(labels, np.int64)
        held = np.cumsum([record.height * record.width * 3 for record in records])
        for index in self._indices[: int(np.searchsorted(held, CACHE_BYTES, "right"))]:
            self._kept.append(dataset[index].image)

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> Image:
        """Return an image; its class is `labels[index]`."""
        return self._kept[index] if index < len(self._kept) else self._dataset[self._indices[index]].image

    def only(self, places: Sequence[int]) -> LabelledImages:
        """Return some of these images, by position; images that are in memory are not read again."""
        part = object.__new__(LabelledImages)
        part._dataset, part._indices = self._dataset, [self._indices[place] for place in places]
        known = [place for place in places if place < len(self._kept)]
        part._kept = [self._kept[place] for place in known] if len(known) == len(places) else []
        part.labels = self.labels[np.asarray(places, np.int64)]
        return part


class ImageStream:
    """Training images by number.

    Image `i` is synthetic if floor((i + 1) f) > floor(i f), where f is the share of synthetic images: any section of
    the stream has this share to within one image. Real and synthetic images are each taken in a seeded order that is
    new in every round.

    Args:
        real: real training images.
        synthetic: synthetic images; None if `fraction` is 0.
        fraction: share of synthetic images, in [0, 1].
        seed: seed of both orders.
    """

    def __init__(self, real: LabelledImages, synthetic: LabelledImages | None, fraction: float, seed: int) -> None:
        self._real, self._synthetic, self._fraction, self._seed = real, synthetic, fraction, seed

    def is_synthetic(self, index: int) -> bool:
        """Return whether image `index` is synthetic."""
        return self._synthetic_before(index + 1) > self._synthetic_before(index)

    def image(self, index: int) -> LabelledImage:
        """Return image `index` without augmentation."""
        before = self._synthetic_before(index)
        synthetic = self._synthetic if self.is_synthetic(index) else None
        if synthetic is not None:
            place = self._turn("synthetic", before, len(synthetic))
            return LabelledImage(synthetic[place], int(synthetic.labels[place]), True)
        place = self._turn("real", index - before, len(self._real))
        return LabelledImage(self._real[place], int(self._real.labels[place]), False)

    def _synthetic_before(self, index: int) -> int:
        # The small term keeps products such as 0.2 x 5 from falling below the whole number that they represent.
        return math.floor(index * self._fraction + 1e-9)

    def _turn(self, kind: str, count: int, n: int) -> int:
        """Return which of `n` images is number `count` of its kind."""
        order = np.random.default_rng((self._seed, int(kind == "synthetic"), count // n)).permutation(n)
        return int(order[count % n])


def images_per_epoch(real: int, fraction: float, synthetic: int) -> int:
    """Return the number of images in an epoch of a mix: every real image once, and its share of synthetic images."""
    return synthetic if fraction >= 1 else round(real / (1 - fraction))


def synthetic_images(mix: TrainingMix, held_out: frozenset[str]) -> LabelledImages | None:
    """Return the synthetic images that may be used for training; None if the mix has a share of 0.

    An image that derives from a training image belongs to the group of that image. Images of groups in `held_out` are
    left out: a copy of a held-out image would make the hold-out part of the training set.

    Raises:
        DataError: there are none, or their classes differ from those of the real images.
    """
    if mix.fraction == 0:
        return None
    if mix.synthetic is None or not len(mix.synthetic):
        raise DataError(
            f"The mix has a share of {mix.fraction:g} of synthetic images, but there are none",
            got="an empty synthetic set" if mix.synthetic is not None else "no synthetic set",
        )
    if mix.synthetic.info.labels != mix.real.info.labels:
        raise DataError(
            "The synthetic images have other classes than the real images",
            got=f"{', '.join(mix.synthetic.info.labels)}, not {', '.join(mix.real.info.labels)}",
        )
    places = [place for place, group in enumerate(mix.synthetic.groups) if group not in held_out]
    if not places:
        raise DataError(
            "All synthetic images derive from the hold-out of the training set, so none can be used for training",
            got=f"{len(mix.synthetic)} synthetic images",
            fix="make a larger set, or train without a hold-out: "
            "--set downstream.holdout=0 --set downstream.selection=last",
        )
    return LabelledImages(mix.synthetic, places)


def to_square(image: Image, size: int) -> UInt8[np.ndarray, "s s 3"]:
    """Scale the shorter side to `size` pixels and cut out the central square."""
    height, width = image.shape[:2]
    if (height, width) == (size, size):
        return image
    factor = size / min(height, width)
    shape = max(size, round(width * factor)), max(size, round(height * factor))
    scaled = resized(image, *shape)
    y, x = (scaled.shape[0] - size) // 2, (scaled.shape[1] - size) // 2
    return np.ascontiguousarray(scaled[y : y + size, x : x + size])


def resized(image: Image, width: int, height: int) -> UInt8[np.ndarray, "H W 3"]:
    """Scale an image, by area averaging if it becomes smaller and bicubic interpolation if it becomes larger."""
    shrinks = width * height < image.shape[0] * image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=method))


def _label(sample: SampleRecord, classes: int) -> int:
    if sample.label is None or not 0 <= sample.label < classes:
        raise DataError(
            f"The sample {sample.id} needs a class in 0..{classes - 1}",
            got="no class" if sample.label is None else str(sample.label),
            fix="train this network on a dataset of tissue classes",
        )
    return sample.label
