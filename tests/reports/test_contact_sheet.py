"""Contact sheets: the right crop beside the right patch, outlines where the labels are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.contract import Condition, Sample
from bench.imageio import read_rgb
from bench.synthetic import SyntheticRecord, SyntheticSet, SyntheticSetWriter
from reports.contact_sheet import PANEL, Pair, _about, contact_sheet, crop, set_sheet
from reports.drawing import GAP
from reports.outlines import outlined
from tests import toy


def test_a_patch_without_labels_is_only_enlarged() -> None:
    image, _, _ = toy.tile(2, 32)
    assert outlined(image, None, None, 1).tolist() == image.tolist()
    assert outlined(image, None, None, 4).shape == (128, 128, 3)


def test_crop_takes_image_and_labels_at_the_same_place() -> None:
    tile = toy.NucleiDataset(n_tiles=1, size=96)[0]
    cut = crop(tile, (10, 20), (32, 48))
    assert cut.image.tolist() == tile.image[10:42, 20:68].tolist()
    assert cut.instances is not None
    assert tile.instances is not None
    assert cut.instances.tolist() == tile.instances[10:42, 20:68].tolist()


def test_sheet_shows_the_source_beside_the_patch(tmp_path: Path) -> None:
    sample = toy.NucleiDataset(n_tiles=1, size=192)[0]
    pairs = [Pair(sample, None, "no source"), Pair(sample, sample, "copy")]
    contact_sheet(pairs, tmp_path / "a.png", toy.CLASSES, title="toy", per_row=1)
    sheet = read_rgb(tmp_path / "a.png")
    places = [
        (y, x)
        for y in range(sheet.shape[0] - PANEL)
        for x in range(min(sheet.shape[1] - PANEL, 1000))
        if (sheet[y, x : x + PANEL] == sample.image[0]).all() and _same(sheet, y, x, sample.image)
    ]
    (top, last), (below, first), (_, again) = sorted(places)
    assert below > top + PANEL  # the first row has the patch alone, the second its source too
    assert first < last == again


def _same(sheet: np.ndarray, y: int, x: int, image: np.ndarray) -> bool:
    return bool((sheet[y : y + PANEL, x : x + PANEL] == image).all())


def test_sheet_of_a_sealed_set_mixes_kinds_and_finds_the_crops(tmp_path: Path) -> None:
    train = toy.NucleiDataset(n_tiles=2, size=96)
    folder = tmp_path / "set"
    folder.mkdir()
    writer = SyntheticSetWriter(folder, train.info, dict(zip(train.ids, train.groups, strict=True)))
    for index in range(6):
        tile = train[index % 2]
        source = None if index == 5 else tile.id
        window = None if index == 5 else (8 * index, 4)
        assert tile.instances is not None
        image, instances, types = toy.tile(50 + index, 32)
        kind = "enlarging" if index == 4 else "balancing"
        sources = {} if source is None else {"train": source}
        shown = {"instances": instances, "types": types, "sources": sources, "crop": window}
        writer.write(index, Condition(id=f"s{index}", kind=kind, seed=0, **shown), image)
    writer.seal(6, {"method": "toy"})
    set_sheet(SyntheticSet(folder), train, tmp_path / "sheet.png", n=4)
    sheet = read_rgb(tmp_path / "sheet.png")
    assert sheet.shape[0] > 2 * PANEL
    again = tmp_path / "again.png"
    set_sheet(SyntheticSet(folder), train, again, n=4)
    assert again.read_bytes() == (tmp_path / "sheet.png").read_bytes()


def test_a_sheet_without_sources_or_labels_has_no_empty_panels(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 200, (64, 64, 3), dtype=np.uint8) for _ in range(4)]
    plain = [Pair(Sample(str(n), image, "g", 0.25), None) for n, image in enumerate(images)]
    contact_sheet(plain, tmp_path / "plain.png", (), title="imported")
    sheet = read_rgb(tmp_path / "plain.png")
    side = PANEL + 4 * GAP  # of a cell of one panel
    panels = [sheet[46 : 46 + PANEL, GAP + n * side : GAP + n * side + PANEL] for n in range(4)]
    assert all(len(np.unique(panel)) > 100 for panel in panels), "the four images are next to each other"
    assert sheet[46 : 46 + PANEL, GAP + 4 * side :].min() == 255, "nothing else is drawn"


@pytest.mark.parametrize(
    ("record", "about"),
    [
        ({"kind": "copy", "sources": {"train": "t1"}, "crop": (3, 4), "caption": "stroma"}, "copy: t1 at 3, 4"),
        ({"kind": "copy", "sources": {"train": "t1", "text": "c"}, "caption": "stroma"}, "copy: t1; stroma"),
        ({"kind": "caption", "sources": {"text": "c"}, "caption": "stroma"}, "caption: stroma"),
        ({"kind": "imported", "caption": "stroma"}, "imported: stroma"),
        ({"kind": "imported"}, "imported: no source"),
    ],
)
def test_what_was_drawn_is_said(record: dict[str, Any], about: str) -> None:
    known = {"file_name": "images/a.png", "group": "g", "sha256": "0"}
    assert _about(SyntheticRecord.model_validate({**known, **record})) == about


def test_a_long_caption_is_wrapped_and_a_sheet_without_labels_has_no_classes(tmp_path: Path) -> None:
    image = toy.NucleiDataset(n_tiles=1, size=192)[0].image
    sample = Sample("a", image, "g", 0.25)
    for name, text in (("short", "stroma"), ("long", "smooth muscle bundles " * 3)):
        contact_sheet([Pair(sample, None, text)], tmp_path / f"{name}.png", toy.CLASSES)
    short, long = (read_rgb(tmp_path / f"{name}.png") for name in ("short", "long"))
    assert short.shape[0] < long.shape[0] < short.shape[0] + 100
    assert long.shape[1] == short.shape[1]
    assert (short[24:45] == short[24, 0]).all()  # where the names of classes would be
