"""Nuclei of one's own: every label format gives the same samples, and what does not fit is said."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.datasets.card import DatasetCard, load_card, read_card
from bench.datasets.checks.verify import verify
from bench.datasets.prepared.write import prepare
from bench.datasets.readers.nuclei_folder import NucleiFolder
from bench.datasets.source import open_source
from bench.errors import ConfigError, DataError, MissingError
from tests.bench.datasets.layouts import Counted, Written, shipped_card, write_image
from tests.bench.formats.labels import formats
from tests.toy import tile
from tests.toy_maps import grid, type_map

EXAMPLE = Path(__file__).parents[4] / "examples" / "cards" / "my-nuclei.yaml"
CLASSES = {1: "a", 2: "b", 3: "c", 4: "d"}


def card(**changes: object) -> DatasetCard:
    values = {"name": "mine", "folders": ("mine",), "classes": CLASSES, "extra": {}, "rare": ()}
    return read_card(EXAMPLE).model_copy(update={**values, **changes})


def write(folder: Path, writer=formats.two_channels, n: int = 10, suffix: str = ".png") -> dict[str, Written]:
    truth = {}
    for number in range(n):
        stem = f"tile {number} é"
        image, instances, types = tile(number, 48, density=0.01)
        write_image(folder / "images" / f"{stem}{suffix}", image)
        formats.write(folder / "labels", stem, writer, instances * 3, types)
        truth[stem] = Written(image, instances, types)
    return truth


def every(source: NucleiFolder):
    return {sample.id: sample for split in source.splits() for sample in source.samples(split)}


def same(found, truth, typed: bool = True) -> None:
    assert set(found) == set(truth)
    for name, sample in found.items():
        np.testing.assert_array_equal(sample.image, truth[name].image)
        np.testing.assert_array_equal(sample.instances, truth[name].instances)
        if typed:
            np.testing.assert_array_equal(sample.types, truth[name].types)
        else:
            assert sample.types is None


@pytest.mark.parametrize("writer", formats.TYPED)
def test_every_typed_format_comes_back(tmp_path, writer) -> None:
    truth = write(tmp_path / "mine", writer)
    source = NucleiFolder(card(), tmp_path)
    same(every(source), truth)
    assert (len(source.ids("train")), len(source.ids("test"))) == (8, 2)
    assert all(sample.mpp == 0.25 and sample.tissue == "colon" for sample in source.samples("test"))


@pytest.mark.parametrize("writer", [*formats.UNTYPED, formats.two_channels])
def test_untyped_nuclei_where_the_card_says_so(tmp_path, writer) -> None:
    truth = write(tmp_path / "mine", writer)
    same(every(NucleiFolder(card(classes={}, extra={"typed": False}), tmp_path)), truth, typed=False)
    report = verify(NucleiFolder(card(classes={}, extra={"typed": False}), tmp_path))
    assert report.ok
    counted = sum(counts.nuclei["all"] for counts in report.splits.values())
    assert counted == sum(int(one.instances.max()) for one in truth.values())


def test_ids_without_classes_are_refused_where_classes_are_expected(tmp_path) -> None:
    write(tmp_path / "mine", formats.png)
    with pytest.raises(DataError, match="typed: false"):
        NucleiFolder(card(), tmp_path).read("train", 0)


def test_label_files_may_hold_the_image(tmp_path) -> None:
    truth = {}
    (tmp_path / "mine").mkdir()
    for number in range(5):
        image, instances, types = tile(number, 48, density=0.01)
        array = np.dstack([image, instances, type_map(instances, types)]).astype(np.int32)
        np.save(tmp_path / "mine" / f"p_{number:03d}.npy", array)
        truth[f"p_{number:03d}"] = Written(image, instances, types)
    extra = {"images": None, "labels": "."}
    same(every(NucleiFolder(card(extra=extra), tmp_path)), truth)
    np.save(tmp_path / "mine" / "p_000.npy", truth["p_000"].instances)
    source = NucleiFolder(card(classes={}, extra={**extra, "typed": False}, divide=None, splits=("train",)), tmp_path)
    with pytest.raises(DataError, match=r"p_000\.npy does not hold an image.*got: only labels"):
        source.read("train", 0)


def test_official_splits_lie_in_folders(tmp_path) -> None:
    train = write(tmp_path / "mine" / "Train", n=4)
    test = write(tmp_path / "mine" / "Test", n=2)
    source = NucleiFolder(card(divide=None, extra={"splits": {"train": "Train", "test": "Test"}}), tmp_path)
    same({sample.id: sample for sample in source.samples("train")}, train)
    same({sample.id: sample for sample in source.samples("test")}, test)
    assert len(source.files()) == 12


def test_groups_come_from_a_table_and_stay_together(tmp_path) -> None:
    truth = write(tmp_path / "mine")
    groups = {name: f"slide-{index // 2}" for index, name in enumerate(truth)}
    with (tmp_path / "mine" / "groups.csv").open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([("stem", "group"), *groups.items()])
    source = NucleiFolder(card(extra={"groups": "groups.csv"}), tmp_path)
    assert {name: sample.group for name, sample in every(source).items()} == groups
    shared = {sample.group for sample in source.samples("train")} & {sample.group for sample in source.samples("test")}
    assert not shared
    assert source.files()[0].name == "groups.csv"
    (tmp_path / "mine" / "groups.csv").write_text("stem,group\ntile 0 é,x\n", encoding="utf-8")
    found = NucleiFolder(card(extra={"groups": "groups.csv"}), tmp_path).layout_findings("train")
    assert [item.severity for item in found] == ["error"]
    assert "tile 1 é" in found[0].message
    (tmp_path / "mine" / "groups.csv").unlink()
    absent = NucleiFolder(card(extra={"groups": "groups.csv"}), tmp_path)
    assert "no such file" in absent.layout_findings("train")[0].message
    assert len(absent.fingerprint()["files"]) == 20


def test_classes_are_merged_once_and_the_card_must_say_whether_they_were(tmp_path) -> None:
    truth = write(tmp_path / "mine")
    merging, classes = {1: 1, 2: 1, 3: 2, 4: 2}, {1: "x", 2: "y"}
    with pytest.raises(ConfigError, match="classes_merged: raw"):
        NucleiFolder(card(merging=merging, classes=classes), tmp_path)
    raw = every(NucleiFolder(card(merging=merging, classes=classes, classes_merged="raw"), tmp_path))
    for name, sample in raw.items():
        np.testing.assert_array_equal(sample.types, (truth[name].types + 1) // 2)
    merged = NucleiFolder(card(merging=merging, classes=classes, classes_merged="merged"), tmp_path)
    with pytest.raises(DataError, match=r"classes that the card does not have; got: class [34].*; the card has 1, 2"):
        every(merged)


def test_a_class_above_those_of_the_card_names_file_and_classes(tmp_path) -> None:
    write(tmp_path / "mine", n=1)
    source = NucleiFolder(card(classes={1: "a", 2: "b"}, divide=None, splits=("train",)), tmp_path)
    with pytest.raises(DataError, match=r"tile 0 é\.npy have classes .*; got: class 3.*it has 1 a, 2 b"):
        source.read("train", 0)
    report = verify(source)
    assert not report.ok


def test_a_nucleus_without_a_class_is_refused(tmp_path) -> None:
    write(tmp_path / "mine", n=1)
    ids = np.zeros((48, 48), np.int32)
    ids[3:9, 3:9] = 1
    np.save(tmp_path / "mine" / "labels" / "tile 0 é.npy", np.dstack([ids, 0 * ids]))
    with pytest.raises(DataError, match="a nucleus without a class"):
        NucleiFolder(card(divide=None, splits=("train",)), tmp_path).read("train", 0)


def test_sizes_must_agree(tmp_path) -> None:
    write(tmp_path / "mine", n=1)
    write_image(tmp_path / "mine" / "images" / "tile 0 é.png", tile(0, 40)[0])
    with pytest.raises(DataError, match=r"\(40, 40\) and \(48, 48\)"):
        NucleiFolder(card(divide=None, splits=("train",)), tmp_path).read("train", 0)


def test_files_alone_and_twice_are_listed_and_stop_a_run(tmp_path) -> None:
    write(tmp_path / "mine", n=4)
    (tmp_path / "mine" / "images" / "tile 1 é.png").unlink()
    (tmp_path / "mine" / "labels" / "tile 2 é.npy").unlink()
    source = NucleiFolder(card(), tmp_path)
    listed = {item.file: item.message for item in source.layout_findings("test")}
    assert listed == {
        "labels/tile 1 é.npy": "a label without an image",
        "images/tile 2 é.png": "an image without a label",
    }
    with pytest.raises(DataError, match="and 1 more"):
        source.samples("train")
    write_image(tmp_path / "mine" / "images" / "tile 3 é.tif", tile(0, 48)[0])
    report = verify(NucleiFolder(card(), tmp_path))
    assert not report.ok
    assert any("tile 3 é.png and tile 3 é.tif" in item.message for item in report.findings)


@pytest.mark.parametrize("mode", ["RGBA", "L", "P", "CMYK"])
def test_other_modes_become_rgb(tmp_path, mode) -> None:
    write(tmp_path / "mine", n=1, suffix=".tif")
    path = tmp_path / "mine" / "images" / "tile 0 é.tif"
    Image.fromarray(np.full((48, 48, 3), 51, np.uint8)).convert(mode).save(path)
    sample = NucleiFolder(card(divide=None, splits=("train",)), tmp_path).read("train", 0)
    assert sample.image.shape == (48, 48, 3)
    assert np.abs(sample.image.astype(int) - 51).max() <= 1


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n"])
def test_broken_images_name_the_file(tmp_path, content) -> None:
    write(tmp_path / "mine", n=1)
    (tmp_path / "mine" / "images" / "tile 0 é.png").write_bytes(content)
    with pytest.raises(DataError, match=r"tile 0 é\.png"):
        NucleiFolder(card(divide=None, splits=("train",)), tmp_path).read("train", 0)


WRONG = {
    "splits": (
        {"extra": {"splits": {"train": "a"}}, "divide": None},
        "one folder per split.*folders of train; splits train, test; no `divide`",
    ),
    "splits and divide": (
        {"extra": {"splits": {"train": "a", "test": "b"}}},
        "and no `divide`.*splits train, test; a `divide`",
    ),
    "outside": ({"extra": {"labels": "../other"}}, r"outside of the dataset's folder; got: \.\./other"),
    "absolute": ({"extra": {"groups": "/etc/passwd"}}, "outside of the dataset's folder; got: /etc/passwd"),
    "no classes": ({"classes": {}}, "has no `classes`"),
    "classes and none": ({"extra": {"typed": False}}, "names `classes`, although it says that nuclei have none"),
    "unknown key": ({"extra": {"image": "x"}}, "image"),
}


@pytest.mark.parametrize("name", WRONG)
def test_cards_that_do_not_fit_are_refused(tmp_path, name) -> None:
    changes, said = WRONG[name]
    with pytest.raises(ConfigError, match=said):
        NucleiFolder(card(**changes), tmp_path)


def test_a_missing_folder_says_where_it_must_lie(tmp_path) -> None:
    with pytest.raises(MissingError, match="mine"):
        NucleiFolder(card(), tmp_path).ids("train")


def test_the_generic_card_explains_and_the_example_opens(tmp_path) -> None:
    assert shipped_card("nuclei-folder").generic
    with pytest.raises(ConfigError, match=r"examples/cards/my-nuclei\.yaml"):
        open_source("nuclei-folder", tmp_path)
    example = load_card(str(EXAMPLE))
    assert example.source == "nuclei-folder"
    truth = write(tmp_path / "my-nuclei")
    lines = "".join(f"{name},{index}\n" for index, name in enumerate(truth))
    (tmp_path / "my-nuclei" / "groups.csv").write_text("stem,group\n" + lines, encoding="utf-8")
    source = NucleiFolder(example.model_copy(update={"classes": CLASSES}), tmp_path)
    assert verify(source).ok


def test_unknown_classes_are_counted_over_all_files(tmp_path) -> None:
    write(tmp_path / "mine", n=8)
    source = NucleiFolder(card(classes={1: "a", 2: "b"}, divide=None, splits=("train",)), tmp_path)
    with pytest.raises(DataError) as caught:
        list(source.samples("train"))
    assert re.search(r"class 3 in \d files, class 4 in \d files; the card has 1, 2 \(first: .*npy\)", caught.value.got)
    listed = [item for item in verify(source).findings if item.severity == "error"]
    assert all(re.fullmatch(r"class [34](, class 4)?; the card has 1, 2", item.message) for item in listed)
    assert any(re.match(r"\d files, the first ", item.file) for item in listed)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda ids: ids > 0, "a mask of the foreground"),
        (lambda ids: ids + 1, "an id is the background"),
        (lambda ids: (ids > 0) * (1 + ids % 2), "classes, colours, grey values"),
    ],
    ids=["masks", "background 1", "classes"],
)
def test_labels_that_are_not_nuclei_are_errors_of_verify_and_stop_a_run(tmp_path, wrong, said) -> None:
    plain = card(extra={"typed": False}, classes={}, divide=None, splits=("train",))
    write(tmp_path / "mine", formats.one_channel, n=4)
    for path in sorted((tmp_path / "mine" / "labels").iterdir())[1:]:
        np.save(path, wrong(grid(48)).astype(np.uint16))
    report = verify(NucleiFolder(plain, tmp_path))
    found = [item for item in report.findings if said in item.message]
    assert [(item.severity, item.file) for item in found] == [("error", "3 files, the first tile 1 é")]
    with pytest.raises(DataError, match=f"not nuclei: 3 files, the first tile 1 é; got: .*{said}"):
        prepare(NucleiFolder(plain, tmp_path), "train", None, tmp_path / "out", Counted())


def test_labels_that_may_not_be_nuclei_are_warnings(tmp_path) -> None:
    plain = card(extra={"typed": False}, classes={}, divide=None, splits=("train",))
    write(tmp_path / "mine", formats.one_channel, n=4)
    path = tmp_path / "mine" / "labels" / "tile 2 é.npy"
    ids = np.zeros((48, 48), np.uint16)
    ids[2:8, 2:8] = ids[2:8, 38:44] = ids[38:44, 2:8] = 3
    np.save(path, ids)
    report = verify(NucleiFolder(plain, tmp_path))
    assert report.ok
    said = "an id is in pieces far apart, which count as one nucleus"
    assert ("warning", "tile 2 é", said) in [(item.severity, item.file, item.message) for item in report.findings]
    doubtful = prepare(NucleiFolder(plain, tmp_path), "train", None, tmp_path / "out", Counted())
    assert doubtful == [f"tile 2 é: {said}"]


def test_an_image_with_an_orientation_tag_beside_labels_is_refused_if_it_cannot_be_known_to_fit(tmp_path) -> None:
    truth = write(tmp_path / "mine")
    stem = sorted(truth)[0]
    exif = Image.Exif()
    exif[274] = 3
    Image.fromarray(truth[stem].image).save(tmp_path / "mine" / "images" / f"{stem}.png", exif=exif)
    source = NucleiFolder(card(), tmp_path)
    with pytest.raises(DataError, match=r"before it is turned by its orientation tag; got: orientation 3"):
        every(source)
    report = verify(source)
    assert [item.file for item in report.findings if item.severity == "error"] == [stem]


def test_verification_counts_the_rules_by_which_images_were_read(tmp_path) -> None:
    truth = write(tmp_path / "mine")
    for number, (stem, tile_) in enumerate(sorted(truth.items())):
        image = Image.fromarray(tile_.image)
        stored = image.quantize(200) if number < 3 else image.convert("RGBA") if number < 5 else image
        dpi = 25_400 / (2 * card().mpp)
        stored.save(tmp_path / "mine" / "images" / f"{stem}.png", dpi=(dpi, dpi))
    report = verify(NucleiFolder(card(), tmp_path))
    assert report.ok
    assert report.rules == {"RGB of 8 bits": 5, "palette": 3, "RGB of 8 bits, opaque alpha dropped": 2}
    assert report.encoding["files"] == {"PNG": 10}
    (wrong,) = [item.message for item in report.findings if "µm per pixel" in item.message]
    assert wrong == f"10 of the files looked at state {2 * card().mpp:g} µm per pixel, and the card says {card().mpp:g}"
