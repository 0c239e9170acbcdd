"""COCO files: one for many images, polygons as pycocotools draws them, and run lengths as it decodes them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pycocotools import mask as rle

from bench.errors import DataError
from bench.formats.labels import label_files, read_labels
from tests.bench.formats.labels import formats
from tests.bench.formats.labels import outline_formats as outlines
from tests.bench.formats.labels.outline_files import refused, written

IDS, TYPES = outlines.cells(1)
NAMES = {name: index for index, name in enumerate(outlines.NAMES, 1)}


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools
def test_coco_polygons_are_those_that_pycocotools_draws(tmp_path) -> None:
    path = outlines.coco_polygons(tmp_path / "a", IDS, TYPES)
    ours = read_labels(path, names=NAMES).instances
    for annotation in json.loads(path.read_text())["annotations"]:
        theirs = rle.decode(rle.frPyObjects(annotation["segmentation"], *IDS.shape)).any(axis=2)
        own = ours == annotation["id"]
        assert (own & theirs).sum() / (own | theirs).sum() >= 0.95


def test_one_coco_file_serves_many_images(tmp_path) -> None:
    other = outlines.cells(5, (40, 60))
    path = outlines.coco(tmp_path / "all", {"x/one.png": (IDS, TYPES), "x/two.v2.jpg": other}, "compressed")
    for place in (path, tmp_path):
        assert dict(label_files(place, "labels")) == {"one": path, "two.v2": path}
    np.testing.assert_array_equal(read_labels(path, image="two.v2").instances, other[0])
    np.testing.assert_array_equal(read_labels(path, image="one", names=NAMES).types, TYPES)
    refused(r"has no image 'three'; got: images one, two\.v2", path, image="three")
    refused("has no image 'all'", path)
    formats.png(tmp_path / "b", IDS)
    assert sorted(label_files(tmp_path, "labels")) == ["all", "b"]
    with pytest.raises(DataError, match=r"There is no folder of labels at .*b\.png"):
        label_files(tmp_path / "b.png", "labels")


def coco_with(**changes):
    content = {
        "images": [{"id": 1, "file_name": "a.png", "height": 20, "width": 30}],
        "annotations": [{"id": 5, "image_id": 1, "category_id": 1, "segmentation": [[2, 3, 8, 3, 8, 9]]}],
        "categories": [{"id": 1, "name": "nucleus"}],
    }
    for key, value in changes.items():
        owner = content if key in content else content["annotations"][0]
        owner[key] = value
    return content


COCO = {
    "a crowd": ({"iscrowd": 1}, "A crowd is not one nucleus; got: annotation 5 of "),
    "no image": ({"image_id": 9}, "annotation 5 of image 9"),
    "no category": ({"category_id": 9}, "category of annotation 5"),
    "two categories": ({"categories": [{"id": 1, "name": "a"}, {"id": "1", "name": "b"}]}, "Two categories"),
    "two images": ({"images": [{"id": i, "file_name": f"{i}/a.png"} for i in (1, 2)]}, "Two images .* have one name"),
    "no name": ({"images": [{"id": 1}]}, "lack id or file_name"),
    "a dictionary": ({"annotations": {}}, "`annotations` of .* is not a list"),
    "a box": ({"segmentation": [], "bbox": [1, 2, 3, 4]}, "annotation 5 .* got: only a box"),
    "flat": ({"segmentation": [2, 3, 8, 3, 8, 9]}, "segmentation of annotation 5 "),
    "odd": ({"segmentation": [[2, 3, 8, 3, 8]]}, "annotation 5 .* got: 5 numbers"),
    "text": ({"segmentation": [[2, 3, 8, "3", 8, 9]]}, "A point of annotation 5 "),
    "another size": ({"segmentation": {"size": [30, 20], "counts": [600]}}, "do not have the size of their image"),
    "too short": ({"segmentation": {"size": [20, 30], "counts": [5, 9]}}, "14 pixels in an image of 600"),
    "cut off": ({"segmentation": {"size": [20, 30], "counts": "Z"}}, "cut off"),
    "characters": ({"segmentation": {"size": [20, 30], "counts": "é!"}}, "are not valid"),
    "negative": ({"segmentation": {"size": [20, 30], "counts": [-1, 601]}}, "not whole numbers"),
    "size": ({"images": [{"id": 1, "file_name": "a.png", "height": "20", "width": 30}]}, "The size of an image"),
}


@pytest.mark.parametrize("name", COCO)
def test_coco_files_that_are_not_valid_are_refused_by_annotation(tmp_path, name) -> None:
    changes, said = COCO[name]
    refused(said, written(tmp_path, coco_with(**changes)))


@pytest.mark.parametrize("seed", range(5))
def test_compressed_run_lengths_are_those_of_pycocotools(tmp_path, seed) -> None:
    mask = np.random.default_rng(seed).random((41, 67)) < (0.02, 0.3, 0.5, 0.98, 1)[seed]
    shape = outlines._compressed(mask)
    image = {"id": 1, "file_name": "a.png", "height": 41, "width": 67}
    path = written(tmp_path, coco_with(images=[image], segmentation=shape))
    np.testing.assert_array_equal(read_labels(path).instances > 0, mask)


def test_empty_run_lengths_are_counted(tmp_path) -> None:
    found = read_labels(written(tmp_path, coco_with(segmentation={"size": [20, 30], "counts": [600]})))
    assert found.instances.max() == 0
    assert found.notes == {"nuclei that cover the centre of no pixel left out": 1}


def test_a_coco_image_without_a_size_takes_that_of_its_image(tmp_path) -> None:
    path = written(tmp_path, coco_with(images=[{"id": 1, "file_name": "a.png"}]))
    assert read_labels(path, size=(20, 30)).instances.shape == (20, 30)
    refused("without the size", path, size=None)
