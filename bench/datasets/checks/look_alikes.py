"""Near-duplicate images: a hash of how an image looks, and images of two splits that look the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Int, UInt8, UInt64

from bench.datasets.looks import Look
from bench.datasets.source import Finding, Tally

if TYPE_CHECKING:
    from PIL import Image

MAX_BITS = 4
"""Bits of 64 that may differ between images that look the same.

Measured on tiles of CoNSeP, CRC-VAL-HE-7K, PathCap and LC25000: JPEG of quality 60 and rescaling to 5/8 change 4 bits
at most; no two different tiles of the first three differ by less than 18. By LC25000's tail, one pair in 100,000,000
is within 4 by chance.
"""
LISTED = 20
"""Number of pairs that are listed; the others are only counted."""
_SIDE = 32
_LOWEST = 8
_FLAT = 3.0
_BLOCK = 256


class Pair(NamedTuple):
    """An image of one list, the nearest of another, and the number of bits of 64 in which they differ."""

    own: int
    other: int
    bits: int


def look(image: UInt8[np.ndarray, "h w 3"]) -> Look | None:
    """Return what an image looks like, for comparison; None for one without pixels.

    The code is the 64-bit perceptual hash that the library ImageHash computes: which of the lowest 8 x 8 cosine
    frequencies of the whole image, grey, 32 x 32 px, are above their median. It stays the same under rescaling, JPEG
    and slight changes of brightness; not under flips, rotations and crops, which are *not* found. An image is `flat`
    when the standard deviation of its grey values at 32 x 32 px is below 3 of 255: its code is noise.
    """
    if image.size == 0:
        return None
    from scipy.fft import dct

    small = np.asarray(shrink(image, "L"))
    frequencies = dct(dct(small, axis=0), axis=1)[:_LOWEST, :_LOWEST]
    code = np.packbits(frequencies > np.median(frequencies))
    pixels = blake2b(np.ascontiguousarray(image).data, digest_size=16).hexdigest()
    return Look(int.from_bytes(code.tobytes(), "big"), bool(small.std() < _FLAT), pixels)


def shrink(image: UInt8[np.ndarray, "h w 3"], mode: str, side: int = _SIDE) -> Image.Image:
    """Return a thumbnail of `side` x `side` pixels in a mode of Pillow's."""
    from PIL import Image

    # halving by means first: a tile of 1000 px takes 4 ms instead of 20
    full = Image.fromarray(image)
    step = max(1, min(image.shape[:2]) // (4 * side))
    return full.reduce(step).convert(mode).resize((side, side), Image.Resampling.LANCZOS)


def nearest(
    codes: UInt64[np.ndarray, " n"], others: UInt64[np.ndarray, " m"]
) -> tuple[Int[np.ndarray, " n"], UInt8[np.ndarray, " n"]]:
    """Return the index of the nearest other code of each code, the first of equals, and the number of bits that differ.

    Memory grows with n + 256 m; there must be at least one other code.
    """
    index, bits = np.zeros(len(codes), np.int64), np.zeros(len(codes), np.uint8)
    for start in range(0, len(codes), _BLOCK):
        part = slice(start, start + _BLOCK)
        apart = np.bitwise_count(codes[part, None] ^ others[None, :])
        index[part] = apart.argmin(axis=1)
        bits[part] = np.take_along_axis(apart, index[part, None], axis=1)[:, 0]
    return index, bits


def similar(looks: Sequence[Look], others: Sequence[Look], limit: int = MAX_BITS) -> list[Pair]:
    """Return the images that look like one of the others, the most alike first; flat images look like none."""
    own, theirs = _patterned(looks), _patterned(others)
    if not len(own) or not len(theirs):
        return []
    index, bits = nearest(_codes(looks, own), _codes(others, theirs))
    found = [Pair(int(own[i]), int(theirs[index[i]]), int(bits[i])) for i in np.flatnonzero(bits <= limit)]
    return sorted(found, key=lambda pair: (pair.bits, pair.own))


def near_duplicates(tallies: Mapping[str, Sequence[Tally]]) -> Iterator[Finding]:
    """Return warnings of images that look like one in another split: the first 20 per pair of splits, and a count."""
    seen = {split: [tally for tally in read if tally.look is not None] for split, read in tallies.items()}
    looks = {split: [tally.look for tally in read if tally.look is not None] for split, read in seen.items()}
    for first, second in combinations(tallies, 2):
        pairs = similar(looks[second], looks[first])
        for pair in pairs[:LISTED]:
            there = seen[first][pair.other].id
            message = f"looks like {there} in {first} ({pair.bits} of 64 bits of its hash differ)"
            yield Finding("warning", seen[second][pair.own].id, message)
        if len(pairs) > LISTED:
            message = f"{len(pairs)} images look like one in {first}, {LISTED} are listed: scores may be too good"
            yield Finding("warning", second, message)
    for split, read in looks.items():
        if n := sum(item.flat for item in read):
            yield Finding("info", split, f"{n} nearly blank images were not compared with other splits")


def same_pixels(ids: Sequence[str], looks: Sequence[Look], labels: Sequence[int | None]) -> list[tuple[str, str]]:
    """Return pairs of images of the same pixels and size that have different image-level classes.

    >>> twice = [Look(1, False, "a"), Look(2, False, "b"), Look(1, False, "a")]
    >>> same_pixels(["x", "y", "z"], twice, [0, 0, 1]), same_pixels(["x", "y", "z"], twice, [1, 0, 1])
    ([('x', 'z')], [])
    """
    first: dict[str, int] = {}
    found = []
    for index, one in enumerate(looks):
        other = first.setdefault(one.pixels, index)
        if labels[index] is not None and labels[other] is not None and labels[index] != labels[other]:
            found.append((ids[other], ids[index]))
    return found


def two_classes(tallies: Mapping[str, Sequence[Tally]], names: Sequence[str]) -> Iterator[Finding]:
    """Yield a warning for each of the first 20 images that another class holds, too, and for their number."""
    seen = [tally for read in tallies.values() for tally in read if tally.look is not None]
    of_id = {tally.id: tally.label for tally in seen}
    found = same_pixels(
        [tally.id for tally in seen], [tally.look for tally in seen if tally.look], [tally.label for tally in seen]
    )
    for first, second in found[:LISTED]:
        one, other = (names[of_id[name] or 0] for name in (first, second))
        yield Finding("warning", second, f"has the pixels of {first}, but is of class {other} and not {one}")
    if len(found) > LISTED:
        yield Finding("warning", "all splits", f"{len(found)} images are in two classes, {LISTED} are listed")


def _patterned(looks: Sequence[Look]) -> Int[np.ndarray, " n"]:
    return np.array([index for index, item in enumerate(looks) if not item.flat], np.int64)


def _codes(looks: Sequence[Look], chosen: Int[np.ndarray, " n"]) -> UInt64[np.ndarray, " n"]:
    return np.array([looks[index].code for index in chosen], np.uint64)
