"""Leakage into synthetic images: copies of test images, and synthetic images closer to them than training images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int, UInt8

from bench.datasets.checks.look_alikes import LISTED, look, shrink, similar
from bench.datasets.source import Look
from bench.digest import digest_arrays

_SIDE = 16
_BLOCK = 512


class NearCopy(NamedTuple):
    """A synthetic image, the test image nearest to it, their distance, and that of the nearest training image.

    Distances are root mean squares of the differences between thumbnails, 16 x 16 px RGB, in grey levels of 255.
    """

    synthetic: int
    test: int
    distance: float
    train_distance: float


class NearCopyReport(NamedTuple):
    """The copies and near copies found; indices follow the order in which images were given.

    Attributes:
        exact: (synthetic, test) pairs of images with the same pixels.
        copies: (synthetic, test) images that look the same (`bench.datasets.checks.look_alikes`) where no training
            image looks like that test image; exact ones among them.
        nearer: test images to which a synthetic image is nearer than any training image.
        by_chance: expected number of these if synthetic images were like any others: n_test n_s / (n_s + n_train).
        n_test: all test images.
        nearest: the synthetic images behind `nearer`, those first that are nearest in relation to the nearest training
            image; 20 at most.
    """

    exact: tuple[tuple[int, int], ...]
    copies: tuple[tuple[int, int], ...]
    nearer: int
    by_chance: float
    n_test: int
    nearest: tuple[NearCopy, ...]


class _Seen(NamedTuple):
    """Images at low resolution: their indices, hashes of pixels, looks, and thumbnails as rows of 768 numbers."""

    places: list[int]
    digests: list[str]
    looks: list[Look]
    thumbnails: Float32[np.ndarray, "n 768"]


def near_copies(
    synthetic: Iterable[UInt8[np.ndarray, "h w 3"]],
    train: Iterable[UInt8[np.ndarray, "h w 3"]],
    test: Iterable[UInt8[np.ndarray, "h w 3"]],
) -> NearCopyReport:
    """Return test images found in a synthetic set.

    Whole images are compared as thumbnails, so their sizes may differ, but they should show the same area (patches and
    patches). Flipped, rotated and cropped copies are not found. Each image is read once; 3 kB per image are kept, and a
    block of 512 x 512 distances. Images without pixels are skipped.

    A synthetic image can be nearer than every training image by chance; so `nearer` is meaningful only where it is
    well above `by_chance`, and `nearest` only where its distances are far apart.
    """
    made, known, hidden = _see(synthetic), _see(train), _see(test)
    by_digest = dict(zip(reversed(hidden.digests), reversed(hidden.places), strict=True))  # the first of equals
    pairs = zip(made.places, made.digests, strict=True)
    exact = tuple((place, by_digest[value]) for place, value in pairs if value in by_digest)
    # test images that are also in the training set: a method may have learnt them there
    leaked = {hidden.places[pair.own] for pair in similar(hidden.looks, known.looks)}
    alike = [(made.places[pair.own], hidden.places[pair.other]) for pair in similar(made.looks, hidden.looks)]
    copies = tuple(pair for pair in sorted({*exact, *alike}) if pair[1] not in leaked)
    if not len(made.looks) or not len(hidden.looks):
        return NearCopyReport(exact, copies, 0, 0.0, len(hidden.looks), ())
    to_made, index = _nearest(hidden.thumbnails, made.thumbnails)
    to_known, _ = _nearest(hidden.thumbnails, known.thumbnails)
    rows = np.flatnonzero(to_made < to_known)
    order = rows[np.lexsort((to_made[rows], to_made[rows] / to_known[rows]))]
    nearest = tuple(
        NearCopy(made.places[index[i]], hidden.places[i], float(to_made[i]), float(to_known[i])) for i in order[:LISTED]
    )
    share = len(made.looks) / (len(made.looks) + len(known.looks))
    return NearCopyReport(exact, copies, len(rows), share * len(hidden.looks), len(hidden.looks), nearest)


def _see(images: Iterable[UInt8[np.ndarray, "h w 3"]]) -> _Seen:
    places, digests, looks, thumbnails = [], [], [], []
    for place, image in enumerate(images):
        if (seen := look(image)) is not None:
            places.append(place)
            digests.append(digest_arrays(image))
            looks.append(seen)
            thumbnails.append(_thumbnail(image))
    return _Seen(places, digests, looks, np.array(thumbnails, np.float32).reshape(-1, 3 * _SIDE**2))


def _thumbnail(image: UInt8[np.ndarray, "h w 3"]) -> Float32[np.ndarray, " 768"]:
    return np.asarray(shrink(image, "RGB", _SIDE), np.float32).reshape(-1)


def _nearest(
    rows: Float32[np.ndarray, "n d"], others: Float32[np.ndarray, "m d"]
) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Return the distance to the nearest other row (infinite if there is none) and its index."""
    best, index = np.full(len(rows), np.inf), np.zeros(len(rows), np.int64)
    for start in range(0, len(rows), _BLOCK):
        part = slice(start, start + _BLOCK)
        for begin in range(0, len(others), _BLOCK):
            apart = _squares(rows[part], others[begin : begin + _BLOCK])
            least = apart.argmin(axis=1)
            value = np.take_along_axis(apart, least[:, None], axis=1)[:, 0]
            better = value < best[part]
            best[part][better], index[part][better] = value[better], begin + least[better]
    return np.asarray(np.sqrt(best / rows.shape[1])), index


def _squares(rows: Float32[np.ndarray, "n d"], others: Float32[np.ndarray, "m d"]) -> Float[np.ndarray, "n m"]:
    """Return squared distances in float64, as those of copies are differences of nearly equal numbers."""
    a, b = rows.astype(np.float64) - 128, others.astype(np.float64) - 128
    squares: Float[np.ndarray, "n m"] = np.square(a).sum(1)[:, None] + np.square(b).sum(1)[None] - 2 * a @ b.T
    squares[squares < 0] = 0
    return np.asarray(squares)
