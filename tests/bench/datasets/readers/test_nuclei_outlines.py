"""Folders of nuclei whose labels are outlines: the samples are those of maps, and verification counts repairs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bench.datasets.checks.verify import verify
from bench.datasets.readers.nuclei_folder import NucleiFolder
from bench.errors import DataError
from tests.bench.datasets.layouts import write_image
from tests.bench.datasets.readers.test_nuclei_folder import card
from tests.bench.formats.labels import outline_formats
from tests.bench.formats.labels.outline_formats import NAMED, NAMES, NUMBERED, cells

CLASSES = dict(enumerate(NAMES, 1))
WRITERS = [writer for writer in (*NAMED, *NUMBERED) if writer is not outline_formats.imagescope]


def outlined(**changes: object):
    return card(**{"classes": CLASSES, "divide": None, "splits": ("train",), **changes})


def write(folder, writer, n=2):
    (folder / "labels").mkdir(parents=True)
    for number in range(n):
        ids, types = cells(number)
        write_image(folder / "images" / f"tile {number}.png", np.full((*ids.shape, 3), 200 + number, np.uint8))
        writer(folder / "labels" / f"tile {number}", ids, types)


@pytest.mark.parametrize("writer", WRITERS)
def test_samples_of_outlines_are_those_of_maps(tmp_path, writer) -> None:
    write(tmp_path / "mine", writer)
    found = list(NucleiFolder(outlined(), tmp_path).samples("train"))
    for number, sample in enumerate(found):
        ids, types = cells(number)
        np.testing.assert_array_equal(sample.instances, ids)
        np.testing.assert_array_equal(sample.types, types)
    assert [sample.id for sample in found] == ["tile 0", "tile 1"]


def test_outlines_without_classes_need_a_card_without_them(tmp_path) -> None:
    write(tmp_path / "mine", lambda path, ids, _: outline_formats.imagescope(path, ids, None))
    with pytest.raises(DataError, match="have no classes"):
        NucleiFolder(outlined(), tmp_path).read("train", 0)
    untyped = outlined(extra={"typed": False}, classes={})
    sample = NucleiFolder(untyped, tmp_path).read("train", 1)
    np.testing.assert_array_equal(sample.instances, cells(1)[0])
    assert sample.types is None


def test_names_are_not_needed_where_classes_are_ignored(tmp_path) -> None:
    write(tmp_path / "mine", outline_formats.qupath, n=1)
    assert NucleiFolder(outlined(extra={"typed": False}, classes={}), tmp_path).read("train", 0).types is None


def test_names_must_be_those_of_the_card_and_are_merged_already(tmp_path) -> None:
    write(tmp_path / "mine", outline_formats.qupath, n=1)
    with pytest.raises(DataError, match="classes with other names; got: Lymphocyte"):
        NucleiFolder(outlined(classes={**CLASSES, 2: "b"}), tmp_path).read("train", 0)
    merging = outlined(merging={1: 2, 2: 1, 3: 3, 4: 4}, classes_merged="raw")
    np.testing.assert_array_equal(NucleiFolder(merging, tmp_path).read("train", 0).types, cells(0)[1])


def test_verification_counts_what_was_done_to_outlines(tmp_path) -> None:
    write(tmp_path / "mine", outline_formats.qupath)
    path = tmp_path / "mine" / "labels" / "tile 1.geojson"
    content = json.loads(path.read_text())
    content["features"][0]["geometry"]["coordinates"] = [[[0, 0], [9, 9]]]
    path.write_text(json.dumps(content))
    report = verify(NucleiFolder(outlined(), tmp_path))
    assert report.ok
    said = {item.file: item for item in report.findings if "outlines" in item.message}
    assert said["labels/tile 1.geojson"].message == "tile 1: 1 outlines of fewer than 3 points left out"
    assert said["labels/tile 1.geojson"].severity == "warning"
    content["features"][1]["geometry"]["coordinates"] = [[[0, 0], ["9", 9], [9, 0]]]
    path.write_text(json.dumps(content))
    report = verify(NucleiFolder(outlined(), tmp_path))
    assert not report.ok
    assert any("A point of feature 2 of" in item.message for item in report.findings if item.severity == "error")


@pytest.mark.parametrize("labels", ["all.json", "coco"])
def test_one_coco_file_holds_the_labels_of_all_images(tmp_path, labels) -> None:
    write(tmp_path / "mine", outline_formats.qupath)
    folder = tmp_path / "mine" / ("coco" if labels == "coco" else "")
    folder.mkdir(exist_ok=True)
    images = {f"images/tile {number}.png": cells(number) for number in (1, 0)}
    outline_formats.coco(folder / "all", images)
    source = NucleiFolder(outlined(extra={"labels": labels}), tmp_path)
    assert verify(source).ok
    for number, sample in enumerate(source.samples("train")):
        np.testing.assert_array_equal(sample.instances, cells(number)[0])
    assert len(source.files()) == 3
    outline_formats.coco(folder / "all", {"tile 0.png": cells(0), "tile 7.png": cells(0)})
    source = NucleiFolder(outlined(extra={"labels": labels}), tmp_path)
    said = [item.message for item in source.layout_findings("train")]
    assert said == ["an image without a label", "a label without an image: tile 7"]


def test_an_image_of_another_size_than_the_file_says_is_refused(tmp_path) -> None:
    write(tmp_path / "mine", outline_formats.coco_runs, n=1)
    write_image(tmp_path / "mine" / "images" / "tile 0.png", np.zeros((50, 90, 3), np.uint8))
    with pytest.raises(DataError, match=r"differ in size: .*got: \(50, 90\) and \(70, 90\)"):
        NucleiFolder(outlined(), tmp_path).read("train", 0)
