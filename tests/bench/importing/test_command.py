"""Importing: what people have becomes a sealed set, and nothing else does."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from bench.datasets.source import open_source
from bench.engine.reporter import Reporter
from bench.errors import BenchError, ConfigError, DataError, SealError
from bench.importing.command import import_set
from bench.importing.store import open_imported
from bench.synthetic import EVALUATION, SyntheticSet, verify_set
from tests.bench.importing.folders import import_request, write_images, write_typed
from tests.toy_maps import grid


def bring_in(folder: Path, store: Path, **changes: object) -> SyntheticSet:
    return import_set(import_request(folder, store, **changes), Reporter(quiet=True))


def test_images_with_label_images_are_sealed_without_classes(tmp_path: Path) -> None:
    maps = write_images(tmp_path)
    made = bring_in(tmp_path / "img", tmp_path / "store", labels=tmp_path / "lab")
    assert verify_set(made.folder).digest == made.digest
    assert made.ids == [f"ä tile {index}" for index in range(6)]
    assert made.groups == made.ids
    assert made.info.mpp == 0.25
    for sample, instances in zip(made, maps, strict=True):
        np.testing.assert_array_equal(sample.instances, instances)
        assert sample.types is None


def test_arrays_with_classes_keep_them(tmp_path: Path) -> None:
    types = write_typed(tmp_path / "npy")
    made = bring_in(tmp_path / "npy", tmp_path / "store", mpp=0.5)
    assert made.info.mpp == 0.5
    for sample, expected in zip(made, types, strict=True):
        np.testing.assert_array_equal(sample.types, expected)


def test_a_table_tells_group_caption_and_source(tmp_path: Path) -> None:
    write_images(tmp_path, 2)
    source = open_source("phantom", None).ids("train")[3]
    table = tmp_path / "told.csv"
    table.write_text(
        f"file_name,group,caption,source,y,x\nä tile 0.png,slide 7,two nuclei,,,\nä tile 1.png,,,{source},16,8\n"
    )
    first, second = bring_in(tmp_path / "img", tmp_path / "store", table=table)
    assert (first.group, first.caption) == ("slide 7", "two nuclei")
    assert second.group == source
    made = open_imported(tmp_path / "store", "phantom", "mine")
    assert [record.crop for record in made.metadata] == [None, (16, 8)]


def test_a_tissue_is_imported_and_only_then_part_of_the_key(tmp_path: Path) -> None:
    write_images(tmp_path, 2)
    made = {}
    for name, column in (("plain", "group"), ("told", "tissue"), ("empty", "tissue")):
        table = tmp_path / f"{name}.csv"
        value = "" if name == "empty" else "ä tile 0" if column == "group" else "colon"
        table.write_text(f"file_name,{column}\nä tile 0.png,{value}\nä tile 1.png,\n")
        made[name] = bring_in(tmp_path / "img", tmp_path / "store", table=table, replace=True)
    assert [sample.tissue for sample in made["told"]] == ["colon", None]
    assert made["told"].info.tissues == ("colon",)
    assert made["plain"].folder == made["empty"].folder != made["told"].folder
    assert len({each.digest for each in made.values()}) == 1


def test_classes_by_folder_on_the_tissue_task(tmp_path: Path) -> None:
    for name in ("TUM", "str"):
        write_images(tmp_path / name, 2, prefix=f"{name}-")
        (tmp_path / "sorted" / name).mkdir(parents=True)
        for path in (tmp_path / name / "img").iterdir():
            path.rename(tmp_path / "sorted" / name / path.name)
    made = bring_in(tmp_path / "sorted", tmp_path / "store", dataset="phantom-tissue")
    labels = made.info.labels
    assert [labels[record.label] for record in made.records] == ["TUM", "TUM", "STR", "STR"]
    (tmp_path / "sorted" / "XYZ").mkdir()
    (tmp_path / "sorted" / "str" / "str-0.png").rename(tmp_path / "sorted" / "XYZ" / "a.png")
    with pytest.raises(DataError, match="not those of the classes"):
        bring_in(tmp_path / "sorted", tmp_path / "store", dataset="phantom-tissue")


def test_renderings_of_test_masks_are_for_evaluation_alone(tmp_path: Path) -> None:
    write_images(tmp_path, 1)
    with pytest.raises(SealError, match="name its test sample"):
        bring_in(tmp_path / "img", tmp_path / "store", rendered_from="test")
    test = open_source("phantom", None).ids("test")[0]
    (tmp_path / "img" / "ä tile 0.png").rename(tmp_path / "img" / f"{test}.png")
    made = bring_in(tmp_path / "img", tmp_path / "store", rendered_from="test")
    assert made.use == EVALUATION
    assert made.metadata[0].sources == {"test": test}


def test_a_source_that_is_no_training_sample_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    write_images(tmp_path, 1)
    test = open_source("phantom", None).ids("test")[0]
    (tmp_path / "told.csv").write_text(f"file_name,source\nä tile 0.png,{test}\n")
    with pytest.raises(SealError, match="training sample"):
        bring_in(tmp_path / "img", tmp_path / "store", table=tmp_path / "told.csv")
    left = [path for path in (tmp_path / "store" / "jobs").rglob("*") if path.is_file() and path.name != "cost.json"]
    assert left == []


def test_the_same_folder_again_is_the_same_set_and_another_one_needs_a_name(tmp_path: Path) -> None:
    write_images(tmp_path, 2)
    first = bring_in(tmp_path / "img", tmp_path / "store")
    assert bring_in(tmp_path / "img", tmp_path / "store").folder == first.folder
    write_images(tmp_path, 3)
    with pytest.raises(ConfigError, match="belongs to another set"):
        bring_in(tmp_path / "img", tmp_path / "store")
    assert len(bring_in(tmp_path / "img", tmp_path / "store", replace=True)) == 3
    assert len(open_imported(tmp_path / "store", "phantom", "mine")) == 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"method_name": "diffmix"}, "belongs to a method"),
        ({"method_name": "My Method"}, "cannot be used in tables"),
        ({"dataset": "phantum"}, "There is no dataset of this name"),
        ({"labels": "nowhere"}, "folder of labels"),
        ({"folder": "nowhere"}, "There is no folder"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_way_on(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    write_images(tmp_path, 1)
    places = {key: tmp_path / str(value) if key in ("labels", "folder") else value for key, value in changes.items()}
    with pytest.raises(BenchError, match=said) as raised:
        bring_in(**{"folder": tmp_path / "img", "store": tmp_path / "store", **places})
    assert raised.value.fix


def test_labels_and_images_pair_up_or_are_refused(tmp_path: Path) -> None:
    write_images(tmp_path, 3)
    (tmp_path / "lab" / "ä tile 1.png").unlink()
    with pytest.raises(DataError, match="do not pair up"):
        bring_in(tmp_path / "img", tmp_path / "store", labels=tmp_path / "lab")


WRONG = {
    "masks": (lambda ids: ids > 0, "a mask of the foreground"),
    "background of 65535": (lambda ids: np.where(ids == 0, 65535, ids), "an id is the background"),
    "ids of 8 bits and white": (lambda ids: (ids > 0) * 65535, "only 0 and 65535"),
}


@pytest.mark.parametrize("name", WRONG)
def test_labels_that_are_not_nuclei_are_refused_and_nothing_is_left(tmp_path: Path, name: str) -> None:
    wrong, said = WRONG[name]
    for index, _ in enumerate(write_images(tmp_path)):
        Image.fromarray(wrong(grid(80)).astype(np.uint16)).save(tmp_path / "lab" / f"ä tile {index}.png")
    with pytest.raises(DataError, match=said):
        bring_in(tmp_path / "img", tmp_path / "store", labels=tmp_path / "lab")
    assert not list((tmp_path / "store").rglob("*.png"))


def test_doubtful_labels_are_imported_with_a_warning(tmp_path: Path) -> None:
    for index, _ in enumerate(write_images(tmp_path)):
        Image.fromarray(grid(80).astype(np.uint16)).save(tmp_path / "lab" / f"ä tile {index}.png")
    odd = np.zeros((80, 80), np.uint16)
    odd[2:8, 2:8] = odd[60:66, 60:66] = 7
    Image.fromarray(odd).save(tmp_path / "lab" / "ä tile 2.png")
    console = Console(file=io.StringIO(), width=200)
    request = import_request(tmp_path / "img", tmp_path / "store", labels=tmp_path / "lab")
    assert len(import_set(request, Reporter(console=console))) == 6
    assert "ä tile 2.png: an id is in pieces far apart" in console.file.getvalue()


def test_pictures_of_floats_or_with_alpha_are_refused_as_pictures(tmp_path: Path) -> None:
    write_images(tmp_path, 1)
    pixels = np.asarray(Image.open(tmp_path / "img" / "ä tile 0.png"))
    for name, array in {
        "a": pixels / np.float32(255),
        "b": np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)]),
        "c": np.dstack([pixels, np.full(pixels.shape[:2], 1)]) / 255,
    }.items():
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "x.npy", array)
    for name, said in (("a", "not whole numbers of 8 bits; got: float32"), ("b", "a picture"), ("c", "RGB values")):
        with pytest.raises(DataError, match=said):
            bring_in(tmp_path / name, tmp_path / "store")


def test_the_manifest_says_how_files_were_read_and_encoded(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "img").mkdir()
    for index in range(6):
        image = Image.fromarray(rng.integers(1, 255, (128, 128, 3)).astype(np.uint8))
        if index < 4:
            image.save(tmp_path / "img" / f"{index}.jpg", quality=80)
        else:
            image.quantize(16).save(tmp_path / "img" / f"{index}.png", dpi=(50_800, 50_800))
    manifest = bring_in(tmp_path / "img", tmp_path / "store", mpp=0.5).manifest
    encoding = manifest["encoding"]
    assert manifest["mpp"] == 0.5
    assert encoding["read_as"] == {"RGB of 8 bits": 4, "palette": 2}
    assert encoding["files"] == {"JPEG": 4, "PNG": 2}
    assert encoding["jpeg_quality"] == {"80": 4}
    assert encoding["jpeg_traces"] == {"images": 6, "found": 4, "quality": 80}
    assert encoding["stated_mpp"] == {"0.5": 2}


def test_labels_of_a_turned_image_are_refused_unless_they_have_its_size(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6  # stored as 48 x 32, seen as 32 x 48
    for name in ("img", "lab", "turned"):
        (tmp_path / name).mkdir()
    Image.new("RGB", (32, 48)).save(tmp_path / "img" / "a.png", exif=exif)
    ids = np.zeros((48, 32), np.uint16)
    ids[5:9, 5:9] = 1
    Image.fromarray(ids).save(tmp_path / "lab" / "a.png")
    with pytest.raises(DataError, match=r"before it is turned by its orientation tag"):
        bring_in(tmp_path / "img", tmp_path / "store", labels=tmp_path / "lab")
    Image.fromarray(np.ascontiguousarray(ids.T)).save(tmp_path / "turned" / "a.png")
    made = bring_in(tmp_path / "img", tmp_path / "store", labels=tmp_path / "turned")
    # outlines have no size that could show which view they were drawn on
    (tmp_path / "outlines").mkdir()
    ring = [[5, 5], [9, 5], [9, 9], [5, 9], [5, 5]]
    nucleus = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {}}
    (tmp_path / "outlines" / "a.geojson").write_text(json.dumps([nucleus]))
    with pytest.raises(DataError, match=r"before it is turned by its orientation tag"):
        bring_in(tmp_path / "img", tmp_path / "store", labels=tmp_path / "outlines")
    assert made[0].image.shape == (32, 48, 3)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"folder": 5}', b'{"folder": "a"', b"\xff", b"[" * 99_999])
def test_a_broken_entry_of_an_imported_set_is_named(tmp_path: Path, content: bytes) -> None:
    entry = tmp_path / "imports" / "phantom" / "mine.json"
    entry.parent.mkdir(parents=True)
    entry.write_bytes(content)
    with pytest.raises(ConfigError, match=r"mine\.json cannot be read") as caught:
        open_imported(tmp_path, "phantom", "mine")
    assert "import the set again" in caught.value.fix
