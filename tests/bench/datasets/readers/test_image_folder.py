"""Images in a folder a class: labels by name, groups by table, everything odd listed."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.datasets.card import DatasetCard
from bench.datasets.checks.verify import verify
from bench.datasets.prepared.read import PreparedDataset
from bench.datasets.prepared.write import prepare
from bench.datasets.readers.image_folder import ImageFolder
from bench.errors import ConfigError, DataError, MissingError
from tests.bench.datasets.layouts import Counted, others
from tests.bench.datasets.layouts_images import own_card, write_classes, write_csv, write_picture

LABELS = ("tumour", "stroma", "fat")  # not in alphabetical order


def card(**changes: object) -> DatasetCard:
    return own_card("image-folder", **{"labels": LABELS, "splits": ("train",), **changes})


def messages(source: ImageFolder, split: str = "train") -> dict[str, str]:
    return {f"{item.severity} {item.file}": item.message for item in source.layout_findings(split)}


def table(root: Path, rows: list[tuple[str, str, str]]) -> None:
    write_csv(root / "groups.csv", [dict(zip(("file_name", "label", "group"), row, strict=True)) for row in rows])


GROUPED = {"groups": {"file": "groups.csv", "label": "label"}}


def test_images_classes_and_counts_come_back(tmp_path: Path) -> None:
    truth = write_classes(tmp_path, {"fat": 3, "stroma": 2, "tumour": 4}, ".png")
    source = ImageFolder(card(), tmp_path)
    assert len(source.ids("train")) == len(set(source.ids("train"))) == 9
    for sample in source.samples("train"):
        expected = truth[sample.id.split("/")[-1]]
        np.testing.assert_array_equal(sample.image, expected.image)
        assert LABELS[sample.label] == expected.label
        assert sample.group == sample.id.split("/")[-1]
        assert (sample.mpp, sample.instances, sample.caption) == (0.5, None, None)
    report = verify(source)
    assert report.ok
    assert dict(report.splits["train"].labels) == {"tumour": 4, "stroma": 2, "fat": 3}
    assert report.notes == {"groups": "file stem"}


def test_t5_a_class_has_the_id_of_its_name_whatever_folders_are_there(tmp_path: Path) -> None:
    write_classes(tmp_path, {"fat": 1, "tumour": 1}, ".png")
    source = ImageFolder(card(), tmp_path)
    found = {sample.id.split("/")[0]: sample.label for sample in source.samples("train")}
    assert found == {"fat": 2, "tumour": 0}  # by folders in alphabetical order it were 0 and 1
    assert [key for key in messages(source) if key.startswith("warning")] == ["warning ."]


def test_folders_of_other_names_are_mapped_by_the_card(tmp_path: Path) -> None:
    write_classes(tmp_path, {"01_TUM": 2, "stroma": 1, "fat": 1}, ".png")
    source = ImageFolder(card(extra={"class_folders": {"01_TUM": "tumour"}}), tmp_path)
    assert Counter(sample.label for sample in source.samples("train")) == {0: 2, 1: 1, 2: 1}
    with pytest.raises(ConfigError, match=r"class_folders"):
        ImageFolder(card(extra={"class_folders": {"01_TUM": "tumor"}}), tmp_path)


def test_t21_every_suffix_of_images_is_read_in_any_case(tmp_path: Path) -> None:
    names = ["a.png", "b.TIF", "c.tiff", "d.JPG", "e.jpeg", "f.bmp", "g.webp"]
    for seed, name in enumerate(names):
        write_picture(tmp_path / "tumour" / name, seed)
    (tmp_path / "tumour" / "Thumbs.db").write_bytes(b"x")
    assert len(ImageFolder(card(), tmp_path).ids("train")) == len(names)
    few = ImageFolder(card(extra={"suffixes": [".png"]}), tmp_path)
    assert few.ids("train") == ["tumour/a"]


def test_odd_modes_are_converted_or_named(tmp_path: Path) -> None:
    image = write_picture(tmp_path / "tumour" / "rgb.png", 0)
    Image.fromarray(np.dstack([image, np.zeros(image.shape[:2], np.uint8)])).save(tmp_path / "tumour" / "rgba.tif")
    Image.fromarray(image).convert("CMYK").save(tmp_path / "tumour" / "cmyk.tif")
    Image.fromarray(image[:, :, 0].astype(np.uint16) * 257).save(tmp_path / "stroma.tif")
    (tmp_path / "stroma").mkdir()
    (tmp_path / "stroma.tif").rename(tmp_path / "stroma" / "deep.tif")
    (tmp_path / "fat").mkdir()
    (tmp_path / "fat" / "empty.png").touch()
    report = verify(ImageFolder(card(), tmp_path))
    errors = {item.file: item.message for item in report.findings if item.severity == "error"}
    assert set(errors) == {"stroma/deep", "fat/empty"}
    assert "8-bit" in errors["stroma/deep"]
    assert report.splits["train"].shapes == {image.shape[:2]: 3}


def test_division_keeps_groups_whole_and_classes_in_proportion(tmp_path: Path) -> None:
    truth = write_classes(tmp_path / "all", {"tumour": 40, "stroma": 20, "fat": 10}, ".png")
    table(tmp_path, [(f"all/{item.label}/{name}.png", item.label, name[:-1]) for name, item in truth.items()])
    divided = card(
        splits=("train", "test"), divide={"test": 0.2, "stratify": "label"}, extra={"images": "all", **GROUPED}
    )
    source = ImageFolder(divided, tmp_path)
    groups = {split: {sample.group for sample in source.samples(split)} for split in ("train", "test")}
    assert not groups["train"] & groups["test"]
    assert len(source.ids("train")) + len(source.ids("test")) == 70
    report = verify(source)
    assert report.ok
    # of 20 and of 10 images in groups of 10, none is nearer to a fifth than a whole group
    assert dict(report.splits["test"].labels) == {"tumour": 10, "stroma": 0, "fat": 0}
    assert report.notes == {"groups": "groups.csv"}


def test_every_class_is_in_both_splits_when_groups_are_small(tmp_path: Path) -> None:
    write_classes(tmp_path, {"tumour": 40, "stroma": 20, "fat": 10}, ".png")
    source = ImageFolder(card(splits=("train", "test"), divide={"test": 0.2, "stratify": "label"}), tmp_path)
    assert Counter(sample.label for sample in source.samples("test")) == {0: 8, 1: 4, 2: 2}


def test_all_that_is_odd_is_listed_and_nothing_is_drawn_from_it(tmp_path: Path) -> None:
    write_classes(tmp_path, {"tumour": 2, "necrosis": 3}, ".png")
    write_picture(tmp_path / "tumour" / "twice.png", 1)
    write_picture(tmp_path / "tumour" / "twice.tif", 2)
    write_picture(tmp_path / "loose.png", 3)
    (tmp_path / "notes").mkdir()
    (tmp_path / "fat").mkdir()
    (tmp_path / "stroma").symlink_to(tmp_path / "tumour")
    source = ImageFolder(card(), tmp_path)
    found = messages(source)
    assert "3 images in a folder that is not a class" in found["error necrosis"]
    assert "several files for one image: twice.png, twice.tif" in found["error tumour/twice.tif"]
    assert "outside" in found["error loose.png"]
    assert "link" in found["error stroma"]
    assert "without images" in found["info notes"]
    warnings = {item.message.split(":")[0] for item in source.layout_findings("train") if item.severity == "warning"}
    assert warnings == {"no image of the class stroma", "no image of the class fat"}
    assert not verify(source).ok
    with pytest.raises(DataError, match=r"is not complete"):
        next(source.samples("train"))


def test_what_is_odd_in_a_divided_dataset_is_reported_once_and_stops_both_splits(tmp_path: Path) -> None:
    write_classes(tmp_path, {"tumour": 10, "stroma": 10, "fat": 10, "necrosis": 1}, ".png")
    source = ImageFolder(card(splits=("train", "test"), divide={}), tmp_path)
    assert [item.file for item in others(verify(source))] == ["necrosis"]
    for split in ("train", "test"):
        with pytest.raises(DataError, match=r"1 images in a folder that is not a class"):
            next(source.samples(split))


def test_a_table_that_disagrees_is_listed_row_by_row(tmp_path: Path) -> None:
    outside = write_classes(tmp_path / "elsewhere", {"tumour": 1}, ".png")
    root = tmp_path / "mine"
    truth = write_classes(root, {"tumour": 4, "stroma": 2}, ".png")
    names = [f"{item.label}/{name}.png" for name, item in truth.items()]
    stranger = f"../elsewhere/tumour/{next(iter(outside))}.png"
    (root / "README.txt").write_text("x")
    table(
        root,
        [
            (names[0], "tumour", "slide-1"),
            (names[1], "stroma", "slide-1"),  # lies in the folder of tumour
            (names[2], "tumour", ""),
            (stranger, "tumour", "slide-2"),
            ("tumour/absent.png", "tumour", "slide-2"),
            ("README.txt", "tumour", "slide-2"),
            (names[4], "stroma", "slide-3"),
        ],
    )
    source = ImageFolder(card(extra=GROUPED), root)
    found = [f"{item.file}: {item.message}" for item in source.layout_findings("train") if item.severity == "error"]
    for said in (
        f"{names[1]}: 'stroma' in groups.csv, but in the folder of 'tumour'",
        f"{names[2]}: an image without a group",
        f"{names[3]}: an image without a row",
        f"{names[5]}: an image without a row",
        "groups.csv: A name is not a file inside",
        "groups.csv: Cannot find the file 'tumour/absent.png'",
        "groups.csv: a row for README.txt",
    ):
        assert any(said in line for line in found), said
    assert len(found) == 7
    assert [sample.group for sample in map(source.read, ["train"] * 2, range(2))] == ["slide-3", "slide-1"]
    with pytest.raises(DataError, match=r"is not complete"):
        next(source.samples("train"))


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    write_picture(secret, 0)
    write_classes(tmp_path / "mine", {"tumour": 1}, ".png")
    (tmp_path / "mine" / "tumour" / "b.png").symlink_to(secret)
    with pytest.raises(DataError, match=r"inside"):
        ImageFolder(card(), tmp_path / "mine").ids("train")


def test_official_splits_are_folders_and_one_may_be_absent(tmp_path: Path) -> None:
    truth = write_classes(tmp_path / "held_out", {"tumour": 2, "stroma": 1, "fat": 1}, ".png")
    official = card(splits=("train", "test"), extra={"splits": {"train": "fitting", "test": "held_out"}})
    source = ImageFolder(official, tmp_path)
    assert {name.split("/")[-1] for name in source.ids("test")} == set(truth)
    assert len(source.files()) == 4
    with pytest.raises(MissingError) as raised:
        source.ids("train")
    assert str(tmp_path / "fitting") in raised.value.message
    # the same name in both is another image: its id tells the splits apart, its group does not
    write_classes(tmp_path / "fitting", {"tumour": 1, "stroma": 1, "fat": 1}, ".png")
    report = verify(ImageFolder(official, tmp_path))
    assert report.ok
    assert any("this group is in" in item.message for item in report.findings)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"extra": {"imges": "x"}}, "images"),
        ({"extra": {"splits": {"test": "a"}}}, "one folder per split"),
        ({"splits": ("train", "test")}, "divide it into two splits"),
        ({"splits": ("train", "test"), "divide": {"stratify": "tissue"}}, "no data to stratify by"),
    ],
)
def test_cards_that_do_not_fit_are_refused(tmp_path: Path, changes: dict, said: str) -> None:
    write_classes(tmp_path, {"tumour": 4}, ".png")
    with pytest.raises(ConfigError) as raised:
        ImageFolder(card(**changes), tmp_path).ids("train")
    assert said in str(raised.value)


def test_names_of_any_script_and_length(tmp_path: Path) -> None:
    names = ["Gewebe ä ß 组织.png", "x" * 240 + ".png", "a,b\n.png"]
    for seed, name in enumerate(names):
        write_picture(tmp_path / "tumour" / name, seed)
    source = ImageFolder(card(), tmp_path)
    assert set(source.ids("train")) == {f"tumour/{name[:-4]}" for name in names}
    assert sum(1 for _ in source.samples("train")) == 3


def test_absent_data_names_its_place(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"phantom-tissue"):
        ImageFolder(card(), tmp_path).locate()


def test_the_fingerprint_follows_files_and_table(tmp_path: Path) -> None:
    truth = write_classes(tmp_path, {"tumour": 2}, ".png")
    table(tmp_path, [(f"tumour/{name}.png", "tumour", "a") for name in truth])

    def fingerprint() -> object:
        return ImageFolder(card(extra=GROUPED), tmp_path).fingerprint()

    first = fingerprint()
    assert fingerprint() == first
    os.utime(tmp_path / "groups.csv", (1, 1))
    second = fingerprint()
    assert second != first
    write_picture(tmp_path / "tumour" / f"{next(iter(truth))}.png", 77)
    assert fingerprint() != second


def test_a_prepared_split_has_labels_and_groups(tmp_path: Path) -> None:
    truth = write_classes(tmp_path / "data", {"tumour": 2, "stroma": 1, "fat": 1}, ".png")
    prepare(ImageFolder(card(), tmp_path / "data"), "train", None, tmp_path / "out", Counted())
    data = PreparedDataset(tmp_path / "out")
    assert [LABELS[record.label] for record in data.records] == [name.split("/")[0] for name in data.ids]
    for sample in (data[index] for index in range(len(data))):
        np.testing.assert_array_equal(sample.image, truth[sample.group].image)
