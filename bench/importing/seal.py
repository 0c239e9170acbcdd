"""Sealing of items: every image and label is decoded and checked, and the set is written completely or not at all."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from bench.contract import Condition, DatasetInfo, Progress
from bench.datasets.card import DatasetCard
from bench.datasets.checks.unknown_classes import UnknownClassError, over_all
from bench.errors import BenchError, DataError
from bench.formats.folders import stem_of
from bench.formats.labels import LabelMaps, read_labels
from bench.formats.labels.plausible import Survey, refuse, survey
from bench.formats.npy import read_npy
from bench.formats.parallel import ordered_map
from bench.imageio import EncodingSurvey, read_picture, require_same_view
from bench.importing.items import Item
from bench.synthetic import SyntheticSetWriter, tile_role


def seal_items(
    items: Sequence[Item],
    card: DatasetCard,
    mpp: float,
    sources: Mapping[str, str],
    manifest: Mapping[str, object],
    folder: Path,
    progress: Progress,
    warn: Callable[[str], None],
) -> str:
    """Write the items as a sealed set into `folder` and return its digest; after an error nothing is left of it.

    Args:
        items: what to write.
        card: of the dataset whose classes the items have.
        mpp: micrometres per pixel of the images.
        sources: ids from which images may derive, and their groups.
        manifest: more entries of the manifest.
        folder: where to write.
        progress: counts the images done.
        warn: shows what is doubtful about the labels.

    Raises:
        DataError: an image or a label is unreadable, they differ in size, a class is not one of the dataset's, or the
            labels cannot be nuclei.
        SealError: a source is not a sample from which the set may derive.
    """
    begun = time.perf_counter()
    tissues = tuple(sorted({item.tissue for item in items if item.tissue is not None}))
    info = DatasetInfo(card.name, "synthetic", card.task, card.class_names, card.labels, mpp, card.rare, tissues)
    writer = SyntheticSetWriter(folder, info, sources)
    try:
        read = partial(_read, card=card, role=tile_role(str(manifest["use"])))
        conditions = ordered_map(read, items)
        surveys: dict[str, Survey] = {}
        encodings, rules = EncodingSurvey(len(items)), Counter[str]()
        for index, (item, (condition, image, rule, found)) in enumerate(zip(items, conditions, strict=True)):
            writer.write(index, condition, image, group=item.group)
            encodings.add(index, image, item.image if rule else None)
            rules[rule or "array"] += 1
            if found is not None:
                surveys[str(item.labels or item.image)] = found
            progress.advance()
        for line in refuse(surveys, mpp):
            warn(line)
        encoding = {**encodings.summary(), "read_as": dict(rules.most_common())}
        cost = {"seconds": time.perf_counter() - begun}
        return writer.seal(len(items), {**manifest, "encoding": encoding, "cost": cost})
    except BenchError as error:
        for path in _contents(folder):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if isinstance(error, UnknownClassError):
            raise over_all(error, items, read) from error
        raise


def _read(item: Item, card: DatasetCard, role: str) -> tuple[Condition, np.ndarray, str, Survey | None]:
    """Return what an item shows, its image, the rule by which its file was read, and what its map looks like."""
    maps, picture = None, None
    if item.image.suffix.lower() == ".npy":
        image, maps = _from_array(item.image)
    else:
        picture = read_picture(item.image)
        image = picture.rgb
    if item.labels is not None:
        names = {name: index for index, name in card.classes.items()}
        size = image.shape[0], image.shape[1]
        maps = read_labels(item.labels, size=size, names=names or None, image=stem_of(item.image))
        if picture is not None:
            require_same_view(picture, maps.size, item.image)
    if maps is not None:
        _check(maps, image, card, item.labels or item.image)
    condition = Condition(
        id=item.id,
        instances=None if maps is None else maps.instances,
        types=None if maps is None else maps.types,
        label=item.label,
        caption=item.caption,
        tissue=item.tissue,
        sources={} if item.source is None else {role: item.source},
        crop=item.crop,
        kind="imported",
        recipe={"file_name": item.image.name} | ({"outlines": dict(maps.notes)} if maps and maps.notes else {}),
        seed=0,
    )
    rule, found = "" if picture is None else picture.rule, None if maps is None else survey(maps.instances)
    return condition, image, rule, found


def _from_array(path: Path) -> tuple[np.ndarray, LabelMaps | None]:
    """Read an array (h, w, 3) of pixels, or of pixels with instances (and classes) as in HoVer-Net's training data."""
    array = read_npy(path)
    if array.ndim == 3 and array.shape[2] == 3 and array.size:
        return _pixels(array, path), None
    maps = read_labels(path)
    if maps.image is None:
        got = f"{array.dtype} of shape {array.shape}"
        fix = "keep label maps in a separate folder and give it with --labels"
        raise DataError(
            f"{path} does not hold an image (h, w, 3), or image and labels (h, w, 4 or 5)", got=got, fix=fix
        )
    return maps.image, maps


def _pixels(array: np.ndarray, path: Path) -> np.ndarray:
    if array.dtype != np.uint8:
        got = f"{array.dtype}, {array.min():g} to {array.max():g}"
        fix = "save 8 bits: (image * 255).round().astype(np.uint8) if 1 is white"
        raise DataError(f"The pixels of the image {path} are not whole numbers of 8 bits", got=got, fix=fix)
    return array


def _check(maps: LabelMaps, image: np.ndarray, card: DatasetCard, path: Path) -> None:
    if maps.instances.shape != image.shape[:2]:
        got = f"{maps.instances.shape} for an image of {image.shape[:2]}"
        raise DataError(
            f"The labels in {path} do not have the size of their image", got=got, fix="write both at the same size"
        )
    if not card.classes:
        raise DataError(f"Instance maps are given for {card.name}, a dataset of image-level classes", got=str(path))
    odd = [] if maps.types is None else sorted(set(maps.types.tolist()) - set(card.classes))
    if odd:
        known = ", ".join(f"{index} {name}" for index, name in sorted(card.classes.items()))
        raise UnknownClassError(str(path), odd, card.classes, f"write the classes of {card.name}: {known}")


def _contents(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.iterdir()) if folder.is_dir() else ()
