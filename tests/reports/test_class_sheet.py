"""Sheets of classes: a row a class, real images of it, then synthetic ones in the order of their set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench.contract import Condition
from bench.imageio import read_rgb
from bench.synthetic import SyntheticSet, SyntheticSetWriter
from reports.class_sheet import PANEL, class_sheet, shows_classes
from reports.contact_sheet import set_sheet
from reports.drawing import fit, font, shorten
from tests import toy, toy_tissue

TRAIN = toy_tissue.TissueDataset(n_tiles=9, size=16)


def sealed(folder: Path, labels: list[int], **manifest: Any) -> SyntheticSet:
    """Seal a set of flat images, each of a grey of its own."""
    folder.mkdir()
    writer = SyntheticSetWriter(folder, TRAIN.info, {})
    for index, label in enumerate(labels):
        condition = Condition(id=f"s{index}", kind="class", seed=0, label=label)
        writer.write(index, condition, grey(index))
    writer.seal(len(labels), {"method": "painter", "seed": 0, **manifest})
    return SyntheticSet(folder)


def grey(index: int) -> np.ndarray:
    return np.full((16, 16, 3), 10 + 7 * index, np.uint8)


def places(sheet: np.ndarray, image: np.ndarray) -> list[tuple[int, int]]:
    """Find where on a sheet an image was drawn, as (top, left)."""
    drawn = np.array(fit(image, PANEL))
    starts = np.argwhere((sheet[: -PANEL + 1, : -PANEL + 1] == drawn[0, 0]).all(-1))
    found = ((int(y), int(x)) for y, x in starts)
    return [(y, x) for y, x in found if (sheet[y : y + PANEL, x : x + PANEL] == drawn).all()]


def drawn_at(sheet: np.ndarray, image: np.ndarray) -> tuple[int, int]:
    (place,) = places(sheet, image)
    return place


def test_a_row_is_a_class_real_images_before_synthetic_ones(tmp_path: Path) -> None:
    made = sealed(tmp_path / "set", [2, 0, 1, 0, 2, 0])
    set_sheet(made, TRAIN, tmp_path / "sheet.png")
    sheet = read_rgb(tmp_path / "sheet.png")
    tops: list[int] = []
    for label, indices in enumerate(([1, 3, 5], [2], [0, 4])):
        real = [drawn_at(sheet, TRAIN[index].image) for index in range(label, 9, 3)]
        synthetic = [drawn_at(sheet, grey(index)) for index in indices]
        (top,) = {y for y, _ in [*real, *synthetic]}
        tops.append(top)
        lefts = [x for _, x in [*real, *synthetic]]
        assert lefts == sorted(lefts)
        assert (np.diff(lefts) >= PANEL).all()  # nothing overlaps
        assert (sheet[top : top + PANEL, : lefts[0] - 1] != 255).any()  # the class's name
    assert (np.diff(tops) >= PANEL).all()


def test_of_many_images_the_first_of_a_class_are_shown(tmp_path: Path) -> None:
    made = sealed(tmp_path / "set", [0, 0, 1, 0, 2, 0])
    class_sheet(made, TRAIN, tmp_path / "sheet.png", real=1, made=2)
    sheet = read_rgb(tmp_path / "sheet.png")
    assert [len(places(sheet, grey(index))) for index in range(6)] == [1, 1, 1, 0, 1, 0]
    assert [len(places(sheet, TRAIN[index].image)) for index in range(9)] == [0, 0, 0, 1, 1, 1, 0, 0, 0]


def test_the_heading_tells_sets_apart(tmp_path: Path) -> None:
    said = {
        "plain": {},
        "seed": {"seed": 1},
        "random": {"selection": {"rule": "random"}},
        "centroid": {"selection": {"rule": "centroid"}},
        "variant": {"variant": "truncation=0.5"},
    }
    sheets = set()
    for name, manifest in said.items():
        made = sealed(tmp_path / name, [0, 1, 2], **manifest)
        class_sheet(made, TRAIN, tmp_path / f"{name}.png")
        sheets.add((tmp_path / f"{name}.png").read_bytes())
    assert len(sheets) == len(said)


def test_a_class_without_synthetic_images_leaves_the_others_where_they_are(tmp_path: Path) -> None:
    class_sheet(sealed(tmp_path / "set", [0, 0, 2]), TRAIN, tmp_path / "sheet.png")
    sheet = read_rgb(tmp_path / "sheet.png")
    assert drawn_at(sheet, grey(2))[0] - drawn_at(sheet, grey(0))[0] > 2 * PANEL
    assert drawn_at(sheet, grey(2))[1] == drawn_at(sheet, grey(0))[1]


def test_sets_with_sources_or_without_classes_are_no_sets_of_classes(tmp_path: Path) -> None:
    assert shows_classes(sealed(tmp_path / "classes", [0, 1]))
    nuclei = toy.NucleiDataset(n_tiles=1, size=32)
    for name, source, types in (("copy", nuclei.ids[0], True), ("mask", None, True), ("source", nuclei.ids[0], False)):
        folder = tmp_path / name
        folder.mkdir()
        writer = SyntheticSetWriter(folder, TRAIN.info, {nuclei.ids[0]: "slide"})
        instances = nuclei[0].instances if types else None
        kinds = nuclei[0].types if types else None
        corner = None if source is None else (0, 0)
        shown = {"instances": instances, "types": kinds, "label": 0, "crop": corner}
        sources = {} if source is None else {"train": source}
        writer.write(0, Condition(id="s", kind="class", seed=0, sources=sources, **shown), nuclei[0].image)
        writer.seal(1, {"method": "toy"})
        assert not shows_classes(SyntheticSet(folder))


@pytest.mark.parametrize("size", [16, 112, 150])
def test_images_of_any_size_fit(tmp_path: Path, size: int) -> None:
    train = toy_tissue.TissueDataset(n_tiles=3, size=size)
    class_sheet(sealed(tmp_path / "set", [0, 1, 2]), train, tmp_path / "sheet.png", real=1, made=1)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.height > 3 * max(size, PANEL)


def test_a_sheet_is_as_wide_as_what_it_shows(tmp_path: Path) -> None:
    widths = []
    for n in (1, 2, 3):
        class_sheet(sealed(tmp_path / str(n), [0, 1, 2] * n), TRAIN, tmp_path / "sheet.png", title="toy")
        widths.append(read_rgb(tmp_path / "sheet.png").shape[1])
    assert PANEL < widths[1] - widths[0] == widths[2] - widths[1] < 1.2 * PANEL


def test_long_names_are_cut() -> None:
    face = font(15)
    assert shorten("tumour", 200, face) == "tumour"
    cut = shorten("cancer-associated stroma of the colon", 100, face)
    assert cut.endswith("...")
    assert 60 < face.getlength(cut) <= 100
