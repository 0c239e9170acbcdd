"""The folders that the harness and an external program exchange: plain PNG and JSON lines, see docs/external.md."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from bench.contract import Condition, Dataset
from bench.errors import DataError, JobError
from bench.imageio import read_rgb, write_instances, write_png
from methods.external.plans import SEED_LIMIT
from methods.patches import Tiles, crop_image

METADATA = "metadata.jsonl"
_SHOWN = 5


def write_training(folder: Path, train: Dataset) -> Iterator[int]:
    """Write a training set (whole tiles, their labels, one line of metadata each); yield the count after each tile."""
    for name in ("images", "instances"):
        (folder / name).mkdir(parents=True)
    with (folder / METADATA).open("w", encoding="utf-8") as lines:
        for index in range(len(train)):
            sample, name = train[index], f"{index:06d}.png"
            if sample.image.size:  # a caption may have no image
                write_png(folder / "images" / name, sample.image)
            if sample.instances is not None:
                write_instances(folder / "instances" / name, sample.instances)
            line = {
                "id": sample.id,
                "file_name": f"images/{name}" if sample.image.size else None,
                "instances": None if sample.instances is None else f"instances/{name}",
                "group": sample.group,
                "types": None if sample.types is None else sample.types.tolist(),
                "label": sample.label,
                "caption": sample.caption,
                "tissue": sample.tissue,
            }
            lines.write(json.dumps(line, ensure_ascii=False) + "\n")
            yield index + 1


def write_conditions(
    folder: Path, conditions: Sequence[Condition], train: Dataset, *, size: int, source_images: bool
) -> None:
    """Write what is to be drawn; the only images are windows of training tiles, if they are requested.

    Raises:
        DataError: an id cannot be a file name, two ids are equal, or a source is not a training tile.
    """
    _check_ids(conditions)
    (folder / "instances").mkdir(parents=True)
    if source_images:
        (folder / "sources").mkdir()
    tiles = Tiles(train)
    with (folder / METADATA).open("w", encoding="utf-8") as lines:
        for condition in conditions:
            height, width = size_of(condition, size)
            if condition.instances is not None:
                write_instances(folder / "instances" / f"{condition.id}.png", condition.instances)
            line: dict[str, Any] = {
                "id": condition.id,
                "instances": None if condition.instances is None else f"instances/{condition.id}.png",
                "types": None if condition.types is None else condition.types.tolist(),
                "label": condition.label,
                "caption": condition.caption,
                "tissue": condition.tissue,
                "seed": condition.seed % SEED_LIMIT,
                "height": height,
                "width": width,
            }
            if source_images:
                line["source"] = _write_source(folder, condition, tiles, size)
            lines.write(json.dumps(line, ensure_ascii=False) + "\n")


def size_of(condition: Condition, size: int) -> tuple[int, int]:
    """Return the height and width that a condition's image must have: those of its map, or else the patch size."""
    if condition.instances is None:
        return size, size
    height, width = condition.instances.shape
    return height, width


def check_images(out: Path, conditions: Sequence[Condition], size: int) -> None:
    """Check that there is a PNG for every condition, 8-bit RGB of exactly its size; ignore other files.

    Raises:
        JobError: images are missing, elsewhere, or of another kind or size; the first few are named.
    """
    names = [f"{condition.id}.png" for condition in conditions]
    absent = [name for name in names if not (out / name).is_file()]
    if absent:
        there = _some(sorted(path.name for path in out.iterdir())) if out.is_dir() else "no such folder"
        raise JobError(
            f"The program did not write one PNG per condition, named after its id, to {out}",
            got=f"{len(absent)} of {len(conditions)} missing: {_some(absent)}; the folder contains: {there}",
            fix="write <out>/<id>.png for every line of <conditions>/metadata.jsonl",
        )
    for condition, name in zip(conditions, names, strict=True):
        _check_image(out, name, size_of(condition, size))


def read_images(out: Path, conditions: Sequence[Condition]) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """Read the images of conditions, in their order, after `check_images`."""
    return (read_rgb(out / f"{condition.id}.png") for condition in conditions)


def _check_image(out: Path, name: str, wanted: tuple[int, int]) -> None:
    """Check an image by its header: nothing is converted, and no image of unreasonable size is decoded."""
    if (out / name).resolve() != out.resolve() / name:
        raise JobError(f"The file {name} in {out} is a link", got="a link", fix="write the image, not a link to it")
    with (out / name).open("rb") as handle:
        head = handle.read(26)
    if len(head) < 26 or head[:8] != b"\x89PNG\r\n\x1a\n" or head[12:16] != b"IHDR":
        raise JobError(f"The file {out / name} is not a PNG image", got="another or a broken file", fix="write PNG")
    width, height, depth, colour = struct.unpack(">IIBB", head[16:26])
    if (depth, colour) != (8, 2):
        kinds = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha"}
        got = f"{depth}-bit {kinds.get(colour, 'of unknown kind')}"
        raise JobError(
            f"The file {out / name} is not an 8-bit RGB PNG",
            got=got,
            fix="convert it in the program: the harness converts nothing",
        )
    if (height, width) != wanted:
        raise JobError(
            f"The image {out / name} must have {wanted[0]} x {wanted[1]} pixels (height x width)",
            got=f"{height} x {width}",
            fix="draw each image with the `height` and `width` of its line in metadata.jsonl",
        )


def _check_ids(conditions: Sequence[Condition]) -> None:
    odd = [condition.id for condition in conditions if not re.fullmatch(r"[\w-][\w.-]*", condition.id)]
    if odd:
        raise DataError("The ids of conditions must be valid file names", got=_some(odd))
    if len({condition.id for condition in conditions}) != len(conditions):
        raise DataError("Every condition must have its own id", got="some ids occur twice")


def _write_source(folder: Path, condition: Condition, tiles: Tiles, size: int) -> str | None:
    source = condition.sources.get("train")
    if source is None or condition.crop is None:
        return None
    name = f"sources/{condition.id}.png"
    write_png(folder / name, crop_image(tiles[source].image, *condition.crop, size))
    return name


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return (", ".join(listed[:_SHOWN]) or "nothing") + more
