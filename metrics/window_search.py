"""Where an image was cut from: a search of every window of every tile, turned and mirrored, at low resolution.

Each image is reduced to 16 x 16 block means and correlated with all windows of each tile, reduced by the same factor,
under the eight symmetries of the square. The best windows are then compared at full resolution, moved by up to one
block, after the coarse content that chose them was removed: what remains (edges and texture) agrees by chance in no
images of different tissue, and agrees in copies despite JPEG, noise, and changes of colour and contrast.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int, UInt8
from scipy.ndimage import gaussian_filter

if TYPE_CHECKING:
    import torch

SAME = 0.85
"""Correlation of detail from which an image shows the same tissue as a window.

Measured on windows of 32 to 128 px of CoNSeP and of the phantom: copies have 0.89 and more after JPEG of quality 25,
noise of 6 grey levels, or a change of each channel by 15 %; other images have at most 0.78.
"""
FLATTEST = 1.5
"""Standard deviation in grey levels of the block means below which an image is too smooth to be searched for."""
SIDE = 16
"""Blocks along a side of what is compared."""
SMALLEST, LARGEST = 2 * SIDE, 8 * SIDE
"""Sides in pixels: smaller images are not searched for, and of larger ones only a square of the largest side is."""
_KEPT = 4
_IMAGES, _WINDOWS = 128, 16384


class Match(NamedTuple):
    """The window that is most like an image: its tile, upper left corner, symmetry and correlation of detail.

    `symmetry` is the one that makes the image look like the window; see :func:`turned`.
    """

    tile: int
    y: int
    x: int
    symmetry: int
    score: float


class _Probe(NamedTuple):
    """The part of an image that is searched for: a square of `side` pixels at (y, x), reduced by `factor`."""

    image: int
    grey: Float32[np.ndarray, "h w"]
    y: int
    x: int
    factor: int

    @property
    def side(self) -> int:
        return SIDE * self.factor


def find_windows(
    images: Sequence[UInt8[np.ndarray, "_ _ 3"]], tiles: Sequence[UInt8[np.ndarray, "_ _ 3"]], *, device: str = "cpu"
) -> list[Match | None]:
    """Return the window of the tiles that is most like each image; None where an image cannot be searched for.

    Args:
        images: images at the resolution of the tiles, of any sizes.
        tiles: the tiles, each of which is read several times; those smaller than what is searched for have no windows.
        device: where torch compares images with windows.

    Returns:
        A match is a copy from a score of `SAME` on. Images that are smaller than 32 px, or nearly blank, have None; so
        have all images if no tile has a window.
    """
    found: list[Match | None] = [None] * len(images)
    typical = int(np.median([min(tiles[i].shape[:2]) for i in range(len(tiles))])) if len(tiles) else 0
    probes: dict[int, list[_Probe]] = {}
    for index, image in enumerate(images):
        probe = _probe(index, image, typical)
        if probe is not None:
            probes.setdefault(probe.factor, []).append(probe)
    for factor, of_factor in sorted(probes.items()):
        for start in range(0, len(of_factor), _IMAGES):
            part = of_factor[start : start + _IMAGES]
            for probe, match in zip(part, _search(part, tiles, factor, device), strict=True):
                found[probe.image] = match
    return found


def searchable(image: UInt8[np.ndarray, "h w 3"]) -> bool:
    """Return whether an image is large enough and has enough texture to be searched for.

    >>> searchable(np.zeros((64, 64, 3), np.uint8))
    False
    """
    return _probe(0, image, LARGEST) is not None


def turned(image: np.ndarray, symmetry: int) -> np.ndarray:
    """Return an image under one of the symmetries of the square: `symmetry` % 4 quarter turns, from 4 on mirrored then.

    >>> turned(np.array([[1, 2], [3, 4]]), 5).tolist()
    [[4, 2], [3, 1]]
    """
    rotated = np.rot90(image, symmetry % 4)
    return rotated[:, ::-1] if symmetry >= 4 else rotated


def _probe(index: int, image: UInt8[np.ndarray, "h w 3"], typical: int) -> _Probe | None:
    """Return the most textured of nine squares of an image, small enough to be moved within a typical tile."""
    # a quarter of the tile is left for moving, unless the tile is too small for that
    side = min(*image.shape[:2], LARGEST, max(SMALLEST, typical * 3 // 4))
    if side < SMALLEST or typical < SMALLEST:
        return None
    factor = side // SIDE
    grey = image.mean(axis=-1, dtype=np.float32)
    side = factor * SIDE
    places = [sorted({0, (length - side) // 2, length - side}) for length in grey.shape]
    spread, y, x = max(
        (round(float(_reduced(grey[y : y + side, x : x + side], factor).std()), 3), -y, -x)
        for y in places[0]
        for x in places[1]
    )
    return None if spread < FLATTEST else _Probe(index, grey, -y, -x, factor)


def _search(probes: Sequence[_Probe], tiles: Sequence[np.ndarray], factor: int, device: str) -> Iterator[Match | None]:
    scores, places = _coarse(probes, tiles, factor, device)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :_KEPT]
    candidates: dict[int, list[int]] = {}
    for row, kept in enumerate(order):
        for tile in kept:
            if scores[row, tile] > 0:
                candidates.setdefault(int(tile), []).append(row)
    best: list[Match | None] = [None] * len(probes)
    step = max(1, factor // 4)
    own = [_detail(_reduced(probe.grey, step), factor // step) for probe in probes]
    for tile, rows in candidates.items():
        detail = _detail(_reduced(tiles[tile].mean(axis=-1, dtype=np.float32), step), factor // step)
        for row in rows:
            y, x, symmetry = (int(value) for value in places[row, tile])
            match = _refined(probes[row], own[row], detail, tile, (y, x), symmetry, step)
            known = best[row]
            if known is None or match.score > known.score:
                best[row] = match
    yield from best


def _coarse(
    probes: Sequence[_Probe], tiles: Sequence[np.ndarray], factor: int, device: str
) -> tuple[Float32[np.ndarray, "n t"], Int[np.ndarray, "n t 3"]]:
    """Return the best correlation of each image with a window of each tile, and that window's y, x and symmetry."""
    import torch

    small = [_reduced(p.grey[p.y : p.y + p.side, p.x : p.x + p.side], factor) for p in probes]
    wanted = np.stack([turned(one, symmetry) for one in small for symmetry in range(8)])
    templates = _unit(torch.from_numpy(wanted.reshape(len(wanted), -1)).to(device))[0]
    scores = np.zeros((len(probes), len(tiles)), np.float32)
    places = np.zeros((len(probes), len(tiles), 3), np.int64)
    for tile in range(len(tiles)):
        grey = tiles[tile].mean(axis=-1, dtype=np.float32)
        if min(grey.shape) < SIDE * factor:
            continue
        reduced = torch.from_numpy(_reduced(grey, factor)).to(device)
        windows = reduced.unfold(0, SIDE, 1).unfold(1, SIDE, 1)
        rows, columns = windows.shape[:2]
        per_block = max(1, _WINDOWS // columns)
        for top in range(0, rows, per_block):
            block = windows[top : top + per_block].reshape(-1, SIDE * SIDE)
            unit, length = _unit(block)
            unit[length[:, 0] < FLATTEST * SIDE] = 0
            value, where = (templates @ unit.T).max(dim=1)
            value, symmetry = value.view(-1, 8).max(dim=1)
            where = where.view(-1, 8).gather(1, symmetry[:, None])[:, 0]
            better = (value > torch.from_numpy(scores[:, tile]).to(device)).cpu().numpy()
            place = torch.stack([(top + where // columns) * factor, where % columns * factor, symmetry], dim=1)
            scores[better, tile] = value.cpu().numpy()[better]
            places[better, tile] = place.cpu().numpy()[better]
    return scores, places


def _unit(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return rows centred and of length 1, and their lengths before."""
    centred = rows - rows.mean(dim=1, keepdim=True)
    length = centred.norm(dim=1, keepdim=True)
    return centred / (length + 1e-6), length


def _refined(
    probe: _Probe,
    own: Float32[np.ndarray, "h w"],
    detail: Float32[np.ndarray, "g v"],
    tile: int,
    place: tuple[int, int],
    symmetry: int,
    step: int,
) -> Match:
    """Return the best window within one block of a place of a tile, by the correlation of details."""
    n = probe.side // step
    top, left = min(probe.y // step, own.shape[0] - n), min(probe.x // step, own.shape[1] - n)
    wanted = turned(own[top : top + n, left : left + n], symmetry)
    reach = -(-probe.factor // step)
    first = [max(0, min(at // step - reach, length - n)) for at, length in zip(place, detail.shape, strict=True)]
    last = [min(length, at // step + reach + n) for at, length in zip(place, detail.shape, strict=True)]
    region = detail[first[0] : last[0], first[1] : last[1]]
    windows = np.lib.stride_tricks.sliding_window_view(region, (n, n))
    scores = _correlations(wanted, windows)
    at = np.unravel_index(int(scores.argmax()), scores.shape)
    y, x = ((begin + int(offset)) * step for begin, offset in zip(first, at, strict=True))
    down, right = _moved(probe, symmetry)
    return Match(tile, y - down, x - right, symmetry, float(scores[at]))


def _moved(probe: _Probe, symmetry: int) -> tuple[int, int]:
    """Return where the square that is searched for lies in the image after a symmetry."""
    (height, width), y, x = probe.grey.shape, probe.y, probe.x
    for _ in range(symmetry % 4):
        y, x, height, width = width - x - probe.side, y, width, height
    return y, (width - x - probe.side if symmetry >= 4 else x)


def _correlations(wanted: Float[np.ndarray, "n n"], windows: Float[np.ndarray, "h w n n"]) -> Float[np.ndarray, "h w"]:
    flat = windows.reshape(*windows.shape[:2], -1)
    flat = flat - flat.mean(axis=-1, keepdims=True)
    own = wanted.reshape(-1) - wanted.mean()
    lengths = np.linalg.norm(flat, axis=-1) * np.linalg.norm(own)
    return np.asarray(flat @ own / np.maximum(lengths, 1e-6))


def _detail(grey: Float32[np.ndarray, "h w"], block: int) -> Float32[np.ndarray, "h w"]:
    """Return what an image shows between one pixel, where JPEG and noise rule, and the size of a block."""
    return np.asarray(gaussian_filter(grey, 1.0) - gaussian_filter(grey, float(block)), np.float32)


def _reduced(grey: Float32[np.ndarray, "h w"], factor: int) -> Float32[np.ndarray, "g v"]:
    """Return the means of blocks of `factor` pixels."""
    if factor == 1:
        return grey
    rows, columns = (length // factor for length in grey.shape)
    blocks = grey[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)
