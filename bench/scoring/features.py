"""Features of a set of images: read from a `.npy`, or embedded from a folder, a few images at a time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Float32, UInt8

from bench.contract import Progress
from bench.errors import DataError
from bench.formats.csv_tables import some
from bench.formats.folders import IMAGE_SUFFIXES, walk
from bench.formats.npy import read_npy
from bench.formats.parallel import ordered_map
from bench.imageio import read_picture

if TYPE_CHECKING:
    from metrics.encoders.base import Encoder

SUFFIXES = (*IMAGE_SUFFIXES, ".npy")
# Images of one size that are embedded together, and decoded bytes that may wait for more images of their size.
_BATCH = 16
_WAITING = 256 * 1024**2


def read_features(path: Path, side: str) -> Float[np.ndarray, "n d"]:
    """Read features (n, d), one row per image, from a `.npy` file.

    Raises:
        DataError: there is no readable array of numbers (n, d), n < 2, or values are NaN or infinite.
    """
    from metrics.features import check_features

    features = read_npy(path)
    try:
        return check_features(features, side)
    except DataError as error:
        fix = error.fix or "save one row of numbers per image, as an array of shape (n, d) with n of at least 2"
        raise DataError(f"{error.message} in {path}", got=error.got, fix=fix) from error


def list_images(folder: Path, side: str) -> list[Path]:
    """Return the image files of a folder and its subfolders, in order of path.

    Raises:
        DataError: there is no such folder, or it has fewer than two images.
    """
    if not folder.is_dir():
        fix = "give a folder of images, or a .npy file of features"
        raise DataError(f"There is no folder of {side} images at {folder}", got="no such folder", fix=fix)
    found = walk(folder, SUFFIXES)
    if len(found) < 2:
        present = sorted(path.name for path in folder.iterdir())
        got = f"{len(found)} images among {some(present)}" if present else "no file"
        fix = f"give a folder of images ({' '.join(SUFFIXES)}); images in subfolders count"
        raise DataError(f"There are fewer than 2 {side} images in {folder}", got=got, fix=fix)
    return found


def embed(
    paths: Sequence[Path],
    encoder: Encoder,
    progress: Progress | None = None,
    rules: Counter[str] | None = None,
) -> Float32[np.ndarray, "n d"]:
    """Return features of images, each at its own size; images of one size share a batch, and few are in memory.

    `rules` counts the files by the rule that read them.

    Raises:
        DataError: an image is unreadable, or the encoder cannot embed it.
    """
    rows: list[np.ndarray | None] = [None] * len(paths)
    for indices, batch in _batches(paths, Counter() if rules is None else rules):
        try:
            features = encoder.images(batch)
        except DataError as error:
            fix = error.fix or "leave these images out, or choose another encoder"
            raise DataError(f"{error.message}: {paths[indices[0]]}", got=error.got, fix=fix) from error
        for index, row in zip(indices, features, strict=True):
            rows[index] = row
        if progress is not None:
            progress.advance(len(indices))
    return np.stack([row for row in rows if row is not None])


def _batches(paths: Sequence[Path], rules: Counter[str]) -> Iterator[tuple[list[int], UInt8[np.ndarray, "n h w 3"]]]:
    """Yield batches of images of one size with their places in `paths`."""
    waiting: dict[tuple[int, ...], list[tuple[int, np.ndarray]]] = defaultdict(list)
    held = 0
    for index, (image, rule) in enumerate(ordered_map(_read, paths)):
        rules[rule] += 1
        waiting[image.shape].append((index, image))
        held += image.nbytes
        if len(waiting[image.shape]) == _BATCH:
            shape = image.shape
        elif held > _WAITING:
            shape = max(waiting, key=lambda size: len(waiting[size]))
        else:
            continue
        items = waiting.pop(shape)
        held -= sum(image.nbytes for _, image in items)
        yield _stack(items)
    for items in waiting.values():
        yield _stack(items)


def _stack(items: Sequence[tuple[int, np.ndarray]]) -> tuple[list[int], UInt8[np.ndarray, "n h w 3"]]:
    return [index for index, _ in items], np.stack([image for _, image in items])


def _read(path: Path) -> tuple[UInt8[np.ndarray, "h w 3"], str]:
    if path.suffix.lower() != ".npy":
        try:
            picture = read_picture(path)
            return picture.rgb, picture.rule
        except DataError as error:
            fix = error.fix or "give a folder that holds only the images, without masks"
            raise DataError(error.message, got=error.got, fix=fix) from error
    image = read_npy(path)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        got = f"{image.dtype} of shape {image.shape}"
        fix = "give a file of features instead of its folder, and keep label maps out of the folder"
        raise DataError(f"{path} is not an 8-bit RGB image (h, w, 3)", got=got, fix=fix)
    return image, "array"
