"""NuInsSeg in its official layout: round trip, vague areas, slides, and broken folders."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from bench.contract import DatasetInfo
from bench.datasets.checks.verify import verify
from bench.datasets.prepared.canonical import validate_sample
from bench.datasets.readers.nuinsseg import NuInsSeg
from bench.datasets.splits.id_division import divide_ids
from bench.errors import MissingError
from tests.bench.datasets.layouts import others, write_image
from tests.bench.datasets.layouts_paired import NUINSSEG, VAGUE, small_card, write_ids, write_nuinsseg

BLADDER = "human bladder"


def source(root, **extra) -> NuInsSeg:
    return NuInsSeg(small_card("nuinsseg", **extra), root)


def every(read: NuInsSeg) -> dict:
    return {item.id: item for split in read.splits() for item in read.samples(split)}


def problems(root) -> dict[str, str]:
    report = verify(source(root))
    assert not report.ok
    return {item.file: item.message for item in report.findings if item.severity == "error"}


def test_nuinsseg_comes_back_as_written(tmp_path) -> None:
    truth = write_nuinsseg(tmp_path / "NuInsSeg")
    read = source(tmp_path)
    found = every(read)
    assert set(found) == set(truth)
    for name, item in found.items():
        validate_sample(item, DatasetInfo("nuinsseg", "train", "nuclei", (), (), 0.25))
        np.testing.assert_array_equal(item.image, truth[name].image)
        np.testing.assert_array_equal(item.instances, truth[name].instances)
        assert item.types is None
        assert item.group == item.tissue
        assert name.startswith(item.group.replace(" ", "_"))
    report = verify(read)
    assert report.ok
    assert others(report) == []


def test_vague_areas_are_not_counted_unless_the_card_says_so(tmp_path) -> None:
    write_nuinsseg(tmp_path / "nuinsseg")
    marked = np.zeros((72, 72), bool)
    marked[VAGUE] = True
    for name, item in every(source(tmp_path)).items():
        if name.endswith("_01"):
            np.testing.assert_array_equal(item.ignore, marked)
        else:
            assert item.ignore is None
    assert all(item.ignore is None for item in every(source(tmp_path, vague=[])).values())
    areas = tmp_path / "nuinsseg" / BLADDER / "vague areas"
    (areas / "mask binary").rename(areas / "mask binary_vague")
    np.testing.assert_array_equal(every(source(tmp_path))["human_bladder_01"].ignore, marked)


def test_whole_slides_are_held_out_and_species_are_compared(tmp_path) -> None:
    write_nuinsseg(tmp_path / "nuinsseg")
    read = source(tmp_path)
    groups = {split: {item.group for item in read.samples(split)} for split in read.splits()}
    assert groups["test"]
    assert not groups["train"] & groups["test"]
    assert groups["train"] | groups["test"] == set(NUINSSEG)
    ids = {split: read.ids(split) for split in read.splits()}
    division = divide_ids("across", read.card.protocols["across-species"], "nuinsseg", ids)
    assert [{name.split("_")[0] for name in fold["test"]} for fold in division.folds] == [{"human"}, {"mouse"}]


def test_each_broken_file_is_named(tmp_path) -> None:
    root = tmp_path / "nuinsseg"
    write_nuinsseg(root)
    bladder, liver = root / BLADDER, root / "mouse liver"
    (bladder / "label masks modify" / "human_bladder_01.tif").unlink()
    (liver / "tissue images" / "mouse_liver_02.png").unlink()
    assert problems(tmp_path) == {
        f"{BLADDER}/tissue images/human_bladder_01.png": "an image without a label",
        "mouse liver/label masks modify/mouse_liver_02.tif": "a label without an image",
    }
    write_nuinsseg(root)
    shutil.rmtree(liver / "label masks modify")
    write_image(bladder / "tissue images" / "human_bladder_02.png", np.zeros((9, 9, 3), np.uint8))
    found = problems(tmp_path)
    assert "no folder of labels" in found["mouse liver"].lower()
    assert "differ in size" in found["human_bladder_02"]
    write_ids(bladder / "label masks modify" / "human_bladder_02.tif", np.zeros((9, 9)))
    assert "human_bladder_02" in problems(tmp_path)  # the mask of vague areas has the old size


def test_a_tile_without_a_mask_of_vague_areas_is_reported(tmp_path) -> None:
    write_nuinsseg(tmp_path / "nuinsseg")
    shutil.rmtree(tmp_path / "nuinsseg" / BLADDER / "vague areas")
    report = verify(source(tmp_path))
    assert report.ok
    assert [item.file for item in others(report)] == [f"{BLADDER}/human_bladder_0{n}" for n in (1, 2)]


def test_the_published_number_of_tiles_is_compared(tmp_path) -> None:
    write_nuinsseg(tmp_path / "nuinsseg")
    (only,) = others(verify(source(tmp_path, tiles=665)))
    assert (only.severity, only.message) == ("warning", "10 tiles instead of the published 665")


def test_another_folder_is_not_taken_for_the_dataset(tmp_path) -> None:
    (tmp_path / "nuinsseg" / "images").mkdir(parents=True)
    with pytest.raises(MissingError, match="kaggle"):
        source(tmp_path).locate()
