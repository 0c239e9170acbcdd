"""Captions in a CSV file: with their images, without, and what is odd."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.datasets.card import DatasetCard
from bench.datasets.checks.verify import verify
from bench.datasets.prepared.read import PreparedDataset
from bench.datasets.prepared.write import prepare
from bench.datasets.readers.image_caption import ImageCaption
from bench.errors import ConfigError, DataError, MissingError
from tests.bench.datasets.layouts import Counted, others
from tests.bench.datasets.layouts_images import own_card, write_csv, write_picture

COLUMNS = {"image": "img", "caption": "text", "split": "split", "tissue": "organ"}


def card(**changes: object) -> DatasetCard:
    return own_card("image-caption", **{"default_downstream": "", "splits": ("train", "test"), **changes})


def row(img: str, text: str, split: str = "train", organ: str = "") -> dict[str, str]:
    return {"img": img, "text": text, "split": split, "organ": organ}


def write(root: Path, rows: list[dict[str, str]]) -> None:
    write_csv(root / "captions.csv", rows)


def test_images_captions_and_splits_come_back(tmp_path: Path) -> None:
    rows = [
        row("a/1.png", "glands, “back to back”", organ="colon"),
        row("a/2.jpg", "lymphocytes", "test"),
        row("b/3.tif", "no image of this one"),
        row("b/4.tif", ""),
    ]
    images = {name: write_picture(tmp_path / name, seed) for seed, name in enumerate(["a/1.png", "a/2.jpg", "b/4.tif"])}
    write(tmp_path, rows)
    source = ImageCaption(card(extra=COLUMNS), tmp_path)
    first, alone, silent = source.samples("train")
    np.testing.assert_array_equal(first.image, images["a/1.png"])
    assert (first.id, first.caption, first.tissue, first.group) == ("a/1", rows[0]["text"], "colon", "a/1")
    assert (alone.image.shape, alone.image.dtype, alone.caption) == ((0, 0, 3), np.uint8, "no image of this one")
    assert silent.caption is None
    np.testing.assert_array_equal(silent.image, images["b/4.tif"])
    assert silent.tissue == "any"
    assert source.ids("test") == ["a/2"]
    report = verify(source)
    assert report.ok
    assert report.notes == {"images with captions": 2, "captions only": 1, "images only": 1}
    assert report.splits["train"].shapes == {(32, 32): 2}


def test_names_are_relative_to_the_csv_file_and_images_may_lie_beside(tmp_path: Path) -> None:
    write_picture(tmp_path / "tables" / "png" / "1.png", 0)
    write_csv(tmp_path / "tables" / "all.csv", [{"image": "1.png", "caption": "glands"}])
    extra = {"captions": "tables/all.csv", "images": "png"}
    source = ImageCaption(card(splits=("train",), extra=extra), tmp_path)
    assert [sample.image.shape for sample in source.samples("train")] == [(32, 32, 3)]


def test_articles_stay_together_in_a_seeded_division(tmp_path: Path) -> None:
    rows = [row(f"images/{kind}@{article}_fig.png", f"figure {kind}") for article in range(40) for kind in range(5)]
    write(tmp_path, rows)
    extra = {"image": "img", "caption": "text", "group_pattern": r"/\d@(\d+)_"}

    def groups(seed: int) -> dict[str, set[str]]:
        source = ImageCaption(card(divide={"test": 0.2, "seed": seed}, extra=extra), tmp_path)
        return {split: {sample.group for sample in source.samples(split)} for split in ("train", "test")}

    first = groups(0)
    assert (len(first["train"]), len(first["test"])) == (32, 8)
    assert not first["train"] & first["test"]
    assert groups(0) == first
    assert groups(1) != first


def test_a_column_of_groups_wins_over_the_pattern(tmp_path: Path) -> None:
    write(tmp_path, [row("1@7_a.png", "x", organ="patient-3"), row("1@8_a.png", "y"), row("plain.png", "z")])
    extra = {"image": "img", "caption": "text", "group": "organ", "group_pattern": r"@(\d+)_"}
    source = ImageCaption(card(splits=("train",), extra=extra), tmp_path)
    assert [sample.group for sample in source.samples("train")] == ["patient-3", "8", "plain"]


def test_what_is_odd_is_listed_and_nothing_is_drawn_from_it(tmp_path: Path) -> None:
    root = tmp_path / "mine"
    write_picture(tmp_path / "secret.png", 0)
    write_picture(root / "a.png", 1)
    (root / "folder.png").mkdir()
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "circle.png").symlink_to(root / "circle.png")
    rows = [
        row(name, "text") for name in ("a.png", "a.jpg", "../secret.png", "/etc/hostname", "link.png", "circle.png")
    ]
    write(root, [*rows, row("folder.png", "text"), row("nothing.png", ""), row("b.png", "text", "test")])
    source = ImageCaption(card(extra=COLUMNS), root)
    found = [item.message for item in source.layout_findings("train") if item.severity == "error"]
    for said in (
        "a.jpg and a.png have the same id",
        "'../secret.png'",
        "'/etc/hostname'",
        "only links inside it are followed; got a link to",
        "'circle.png'",
        "a folder",
        "nothing.png has neither a caption nor an image",
    ):
        assert any(said in line for line in found), said
    assert len(found) == 7
    assert source.ids("train") == ["a"]
    assert not verify(source).ok
    with pytest.raises(DataError, match=r"is not complete"):
        next(source.samples("test"))


def test_lines_of_other_splits_are_counted_and_an_empty_split_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, [row("a.png", "x"), row("b.png", "y", "validation")])
    source = ImageCaption(card(extra=COLUMNS), tmp_path)
    assert source.notes()["lines of other splits"] == 1
    assert [item.file for item in source.layout_findings("test")] == ["test"]
    assert source.layout_findings("train") == []


def test_an_unreadable_image_is_an_error_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, [row("a.png", "x"), row("b.png", "y", "test")])
    (tmp_path / "a.png").write_bytes(b"broken")
    report = verify(ImageCaption(card(extra=COLUMNS), tmp_path))
    assert [(item.severity, item.file) for item in others(report)] == [("error", "a")]
    assert "readable image" in report.findings[0].message


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"extra": {"imgae": "img"}}, "image"),
        ({"extra": {**COLUMNS}, "divide": {}}, "divided in two ways"),
        ({"extra": {"image": "img", "caption": "text"}}, "divide it into two splits"),
        ({"extra": {"group_pattern": "("}}, "regular expression"),
        ({"extra": {"group_pattern": "a+"}}, "round brackets"),
    ],
)
def test_cards_that_do_not_fit_are_refused(tmp_path: Path, changes: dict, said: str) -> None:
    write(tmp_path, [row("a.png", "x"), row("b.png", "y")])
    with pytest.raises(ConfigError) as raised:
        ImageCaption(card(**changes), tmp_path).ids("train")
    assert said in str(raised.value)


def test_an_absent_column_or_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"captions\.csv"):
        ImageCaption(card(), tmp_path).locate()
    write(tmp_path, [row("a.png", "x")])
    with pytest.raises(DataError, match=r"no column image, caption"):
        ImageCaption(card(splits=("train",)), tmp_path).ids("train")


def test_a_manifest_keeps_what_it_lists(tmp_path: Path) -> None:
    write(tmp_path, [row("a.png", "x"), row("b.png", "y")])
    write_csv(tmp_path / "kept.csv", [{"file": "b", "he": "0.9"}])
    extra = {"image": "img", "caption": "text", "manifest": "kept.csv"}
    source = ImageCaption(card(splits=("train",), extra=extra), tmp_path)
    assert source.ids("train") == ["b"]
    assert tmp_path / "kept.csv" in source.files()
    write_csv(tmp_path / "kept.csv", [{"file": "c"}])
    with pytest.raises(DataError, match=r"1 of 1 names that have no caption"):
        ImageCaption(card(splits=("train",), extra=extra), tmp_path).ids("train")


@pytest.mark.parametrize("with_image", [True, False])
def test_prepared_captions_come_back_with_and_without_images(tmp_path: Path, with_image: bool) -> None:
    write(tmp_path / "data", [row("a.png", "x"), row("b.png", "y")])
    if with_image:
        write_picture(tmp_path / "data" / "b.png", 0)
    source = ImageCaption(card(splits=("train",), extra={"image": "img", "caption": "text"}), tmp_path / "data")
    prepare(source, "train", 1.0, tmp_path / "out", Counted())
    data = PreparedDataset(tmp_path / "out")
    assert [data[index].caption for index in range(2)] == ["x", "y"]
    assert [data[index].image.shape for index in range(2)] == [(0, 0, 3), (16, 16, 3) if with_image else (0, 0, 3)]
