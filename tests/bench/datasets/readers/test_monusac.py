"""MoNuSAC in its official layout: round trip, the traps of the specification, odd outlines and broken folders."""

from __future__ import annotations

import shutil
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

from bench.contract import DatasetInfo
from bench.datasets.checks.verify import verify
from bench.datasets.prepared.canonical import validate_sample
from bench.datasets.prepared.read import PreparedDataset
from bench.datasets.prepared.resample import resample
from bench.datasets.prepared.write import prepare
from bench.datasets.readers.monusac import MoNuSAC
from bench.datasets.source import Finding
from bench.errors import ConfigError, DataError, MissingError
from bench.formats.svs import read_svs
from tests.bench.datasets.layouts import Counted, others, shipped_card, toy_card
from tests.bench.datasets.layouts_monusac import (
    FOLDERS,
    NAMES,
    SHARED,
    STEMS,
    folder_of,
    write_monusac,
    write_slide,
    write_tile,
    write_xml,
)
from tests.toy import tile

FIRST = STEMS["train"][0]
SQUARE = [(2.0, 3.0), (9.0, 3.0), (9.0, 5.0), (2.0, 5.0)]  # 8 columns, 3 rows
STAR = [(15.0 + 10 * np.cos(a), 14.0 + 10 * np.sin(a)) for a in np.arange(5) * 4 * np.pi / 5]


def source(root, truth=None, **extra) -> MoNuSAC:
    card = shipped_card("monusac") if truth is None else toy_card("monusac", truth)
    if truth is not None:  # as published: tiles alone
        counts = {split: item.model_copy(update={"nuclei": {}}) for split, item in card.expected.items()}
        card = card.model_copy(update={"expected": counts})
    return MoNuSAC(card.model_copy(update={"extra": {**card.extra, **extra}}), root)


def annotate(root, outlines, split="train") -> None:
    stem = STEMS[split][0]
    write_xml(folder_of(root, split, stem) / f"{stem}.xml", outlines)


def test_monusac_comes_back_as_written(tmp_path) -> None:
    truth = write_monusac(tmp_path / "MoNuSAC")
    read = source(tmp_path, truth, drop_shared_patients=False)
    info = DatasetInfo("monusac", "train", "nuclei", read.card.class_names, (), 0.25)
    for split, tiles in truth.items():
        samples = list(read.samples(split))
        assert [item.id for item in samples] == list(read.ids(split))
        assert set(read.ids(split)) == set(tiles)
        for item in samples:
            validate_sample(item, info)
            written = tiles[item.id]
            np.testing.assert_array_equal(item.image, written.image)
            np.testing.assert_array_equal(item.instances, written.instances)
            np.testing.assert_array_equal(item.types, written.types)
            assert item.instances.dtype == np.int32
            assert item.group == item.id[:12]
            assert item.mpp == 0.25
            assert item.tissue == ("breast" if item.group == SHARED else "kidney")
    assert read.ids("train")[:3] == STEMS["train"][:3]  # _2 before _10
    assert {kind for tiles in truth.values() for w in tiles.values() for kind in w.types} == {1, 2, 3, 4}


def test_a_prepared_split_holds_ignored_pixels(tmp_path) -> None:
    write_monusac(tmp_path / "monusac")
    prepare(source(tmp_path), "test", None, tmp_path / "out", Counted())
    prepared = PreparedDataset(tmp_path / "out")
    read = source(tmp_path)
    for index in range(3):
        np.testing.assert_array_equal(prepared[index].ignore, read.read("test", index).ignore)
    assert prepared.notes == {"crossing_outlines": "nonzero", "dropped_from_train": {SHARED: 1}}


def test_t5_classes_are_mapped_by_name_and_not_by_order(tmp_path) -> None:
    write_monusac(tmp_path)
    names = ["Macrophage", "  neutrophil", "EPITHELIAL", "Lymphocyte \t"]
    annotate(tmp_path, [(name, [(x + 12 * i, y) for x, y in SQUARE]) for i, name in enumerate(names)])
    assert source(tmp_path).read("train", 0).types.tolist() == [4, 3, 1, 2]
    assert shipped_card("monusac").classes == {i: name.lower() for i, name in NAMES.items()}


def test_an_unknown_class_is_listed(tmp_path) -> None:
    truth = write_monusac(tmp_path)
    annotate(tmp_path, [("Epithelial", SQUARE), ("Plasma", SQUARE), ("Fibroblast", SQUARE)])
    with pytest.raises(DataError, match=rf"{FIRST}\.xml has outlines .*neutrophil.*; got: Fibroblast, Plasma"):
        source(tmp_path).read("train", 0)
    report = verify(source(tmp_path, truth))
    assert [item.severity for item in report.findings if FIRST in item.file] == ["error"]


def test_t7_images_are_rgb(tmp_path) -> None:
    write_monusac(tmp_path)
    red = np.zeros((20, 30, 3), np.uint8)
    red[..., 0] = 250
    stem = STEMS["train"][1]
    Image.fromarray(red).save(folder_of(tmp_path, "train", stem) / f"{stem}.tif")
    write_slide(tmp_path / "a.svs", red)
    for image in (source(tmp_path).read("train", 1).image, read_svs(tmp_path / "a.svs")):
        assert image.reshape(-1, 3).max(0).tolist() == [250, 0, 0]


def test_t8_labels_are_resampled_without_new_ids(tmp_path) -> None:
    write_monusac(tmp_path)
    read = source(tmp_path)
    for split, mpp in (("train", 0.5), ("test", 0.33), ("test", 0.8)):
        item = resample(read.read(split, 0), mpp)
        assert np.unique(item.instances).tolist() == list(range(len(item.types) + 1))
        assert set(item.types.tolist()) <= {1, 2, 3, 4}
        assert item.ignore is None or (item.ignore.dtype == bool and item.ignore.any())


def test_t19_ambiguous_regions_are_ignored_pixels_and_no_nuclei(tmp_path) -> None:
    write_monusac(tmp_path)
    read = source(tmp_path)
    expected = np.zeros((57, 64), bool)
    expected[31:51, 30:45] = True
    for index in range(3):
        np.testing.assert_array_equal(read.read("test", index).ignore, expected)
    assert read.read("train", 0).ignore is None
    annotate(tmp_path, [("Macrophage", SQUARE), ("ambiguous ", SQUARE)], split="test")
    item = source(tmp_path).read("test", 0)
    assert item.types.tolist() == [4]  # the nucleus keeps its pixels, which count in no metric
    np.testing.assert_array_equal(item.instances > 0, item.ignore)


@pytest.mark.parametrize("alpha", [True, False])
def test_t19_alpha_is_dropped_and_sizes_vary(tmp_path, alpha) -> None:
    write_monusac(tmp_path, {"train": [FIRST], "test": STEMS["test"]})
    path = folder_of(tmp_path, "train", FIRST) / f"{FIRST}.tif"
    with Image.open(path) as first:
        assert first.mode == "RGBA"
    image = tile(1, 113)[0][:81]
    image = np.dstack([image, np.full((81, 113), 3, np.uint8)]) if alpha else image
    Image.fromarray(image).save(path, compression="tiff_lzw")
    item = source(tmp_path).read("train", 0)
    np.testing.assert_array_equal(item.image, image[..., :3])
    assert item.instances.shape == (81, 113)


def test_t19_a_slide_is_read_where_the_tif_is_missing(tmp_path) -> None:
    truth = write_monusac(tmp_path)
    stem = STEMS["test"][1]
    read = source(tmp_path)
    np.testing.assert_array_equal(read.read("test", 1).image, truth["test"][stem].image)
    (found,) = read.layout_findings("test")
    assert (found.severity, found.file.endswith(f"{stem}.svs")) == ("info", True)
    assert not [path for path in read.files() if path.suffix not in (".tif", ".svs", ".xml")]


def test_t19_more_than_255_nuclei_keep_their_ids(tmp_path) -> None:
    write_monusac(tmp_path)
    folder = folder_of(tmp_path, "train", FIRST)
    Image.fromarray(np.zeros((100, 100, 3), np.uint8)).save(folder / f"{FIRST}.tif")
    corners = [(float(x), float(y)) for y in range(0, 100, 5) for x in range(0, 100, 5)]
    annotate(tmp_path, [("Lymphocyte", [(x, y), (x + 3, y), (x + 3, y + 3), (x, y + 3)]) for x, y in corners])
    item = source(tmp_path).read("train", 0)
    assert np.bincount(item.instances.ravel())[1:].tolist() == [16] * 400
    assert item.instances[95, 95] == 400


def test_t19_patients_in_both_splits_are_dropped_from_train_and_reported(tmp_path) -> None:
    truth = write_monusac(tmp_path)
    read = source(tmp_path, truth)
    assert {item.group for item in read.samples("train")} == {"TCGA-5P-A9K0"}
    assert SHARED in {item.group for item in read.samples("test")}
    report = verify(read)
    assert report.ok
    assert (
        Finding("info", SHARED, "this patient is in both splits: 1 tiles are left out of training") in report.findings
    )
    assert report.splits["train"].tiles == 3  # of 4 published, one of them left out: no finding
    assert [item for item in others(report) if item.severity != "info"] == []
    assert report.notes["dropped_from_train"] == {SHARED: 1}

    kept = source(tmp_path, truth, drop_shared_patients=False)
    report = verify(kept)
    assert SHARED in {item.group for item in kept.samples("train")}
    assert [(i.severity, i.file) for i in others(report) if i.severity != "info"] == [("warning", SHARED)]
    assert report.splits["train"].tiles == 4
    assert kept.notes()["in_both_splits"] == {SHARED: 1}


def test_t20_x_is_the_column(tmp_path) -> None:
    write_monusac(tmp_path)
    annotate(tmp_path, [("Epithelial", SQUARE)])
    instances = source(tmp_path).read("train", 0).instances
    rows, columns = np.nonzero(instances)
    assert (rows.min(), rows.max(), columns.min(), columns.max(), len(rows)) == (3, 5, 2, 9, 24)


def test_later_outlines_cover_earlier_ones_and_what_vanishes_is_counted(tmp_path) -> None:
    truth = write_monusac(tmp_path)
    half = [(6.0, 3.0), (9.0, 3.0), (9.0, 5.0), (6.0, 5.0)]
    annotate(tmp_path, [("Epithelial", half), ("Macrophage", SQUARE), ("Lymphocyte", half), ("Neutrophil", half)])
    item = source(tmp_path).read("train", 0)
    assert item.types.tolist() == [4, 3]
    assert np.bincount(item.instances.ravel())[1:].tolist() == [12, 12]
    messages = [found.message for found in verify(source(tmp_path, truth)).findings if FIRST in found.file]
    assert messages == ["2 nuclei completely under later ones left out"]


def test_outlines_that_cross_themselves_are_filled_and_counted_or_refused(tmp_path) -> None:
    truth = write_monusac(tmp_path)
    annotate(tmp_path, [("Epithelial", STAR), ("Lymphocyte", [(x + 30, y) for x, y in STAR])])
    whole, holes = (source(tmp_path, crossing=rule).read("train", 0) for rule in ("nonzero", "even-odd"))
    assert whole.instances[14, [15, 45]].tolist() == [1, 2]
    assert holes.instances[14, [15, 45]].tolist() == [0, 0]
    with pytest.raises(DataError, match=rf"{FIRST}\.xml crosses itself; got: outline 1, a Epithelial"):
        source(tmp_path, crossing="refuse").read("train", 0)
    messages = [found.message for found in verify(source(tmp_path, truth)).findings if FIRST in found.file]
    assert messages == ["2 outlines that cross themselves, filled by the nonzero rule"]


def test_outlines_of_too_few_vertices_and_outside_the_image_are_left_out_and_counted(tmp_path) -> None:
    truth = write_monusac(tmp_path)
    far = [(x + 500, y) for x, y in SQUARE]
    line = [(1.0, 1.0), (5.0, 5.0), (1.0, 1.0)]
    between = [(1.2, 1.2), (1.8, 1.2), (1.5, 1.8)]
    cut = [(x - 5, y) for x, y in SQUARE]
    odd = [("Epithelial", shape) for shape in (far, line, [], between, cut)]
    annotate(tmp_path, [*odd, ("Ambiguous", far)])
    item = source(tmp_path).read("train", 0)
    assert (item.types.tolist(), int((item.instances > 0).sum()), item.ignore) == ([1], 5 * 3, None)
    messages = [found.message for found in verify(source(tmp_path, truth)).findings if FIRST in found.file]
    assert messages == [
        "2 outlines of fewer than 3 vertices left out",
        "3 outlines that cover no pixel of the image left out",
    ]


def test_an_annotation_without_outlines_is_an_empty_tile(tmp_path) -> None:
    write_monusac(tmp_path)
    annotate(tmp_path, [])
    item = source(tmp_path).read("train", 0)
    assert (item.types.tolist(), item.instances.any()) == ([], False)


def test_hostile_xml_is_an_error_of_that_tile(tmp_path) -> None:
    truth = write_monusac(tmp_path)
    path = folder_of(tmp_path, "train", FIRST) / f"{FIRST}.xml"
    path.write_text('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Annotations>&e;</Annotations>')
    report = verify(source(tmp_path, truth))
    (found,) = [item for item in report.findings if item.severity == "error"]
    assert found.file == f"{FOLDERS['train']}/TCGA-5P-A9K0-01Z-00-DX1/{FIRST}.xml"
    assert "holds a DTD" in found.message
    with pytest.raises(DataError, match="holds a DTD"):
        list(source(tmp_path).samples("train"))


def test_files_that_do_not_pair_up_are_listed(tmp_path) -> None:
    write_monusac(tmp_path)
    folder = folder_of(tmp_path, "train", FIRST)
    (folder / f"{STEMS['train'][1]}.xml").unlink()
    for suffix in (".tif", ".svs"):
        (folder / f"{STEMS['train'][2]}{suffix}").unlink()
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / f"._{FIRST}.xml").write_bytes(b"x")
    write_tile(folder, "slide-7_1", 3, 64, "train", 1)
    shutil.copytree(folder_of(tmp_path, "train", f"{SHARED}-01Z-00-DX1_1"), tmp_path / FOLDERS["train"] / "copy")
    listed = {item.file.rsplit("/", 1)[1]: item.message for item in source(tmp_path).layout_findings("train")}
    assert listed.pop("slide-7_1.svs").startswith("a name that does not begin with a patient")
    assert listed.pop(f"{SHARED}-01Z-00-DX1_1.svs").startswith("several files of one name")
    assert listed == {
        f"{STEMS['train'][1]}.svs": "an image without an annotation",
        f"{STEMS['train'][2]}.xml": "an annotation without an image",
    }
    with pytest.raises(DataError, match=r"and 3 more"):
        source(tmp_path).samples("train")


def test_patients_are_read_from_names_in_any_case(tmp_path) -> None:
    write_monusac(tmp_path, {**STEMS, "train": ["tcga-a2-a0es-01Z-00-DX1_7", FIRST]})
    read = source(tmp_path)
    assert list(read.ids("train")) == [FIRST]
    assert read.notes()["dropped_from_train"] == {SHARED: 1}


def test_links_out_of_the_folder_are_refused(tmp_path) -> None:
    write_monusac(tmp_path / "monusac")
    (tmp_path / "secret.xml").write_text("<Annotations/>")
    (folder_of(tmp_path / "monusac", "train", FIRST) / "TCGA-XX-XXXX_1.xml").symlink_to(tmp_path / "secret.xml")
    with pytest.raises(DataError, match="only links inside it are followed"):
        source(tmp_path / "monusac").ids("train")


def test_missing_data_and_odd_settings_say_so(tmp_path) -> None:
    with pytest.raises(MissingError) as caught:
        source(tmp_path).locate()
    assert "MoNuSAC Testing Data and Annotations" in caught.value.fix
    assert "1lxMZaAPSpEHLSxGA9KKMt_r-4S8dwLhq" in caught.value.fix
    with pytest.raises(ConfigError, match="crossing"):
        source(tmp_path, crossing="guess")
    write_monusac(tmp_path)
    shutil.rmtree(tmp_path / FOLDERS["test"])
    with pytest.raises(DataError, match="MoNuSAC Testing Data and Annotations; got: no such folder"):
        source(tmp_path).ids("train")


def test_a_broken_slide_is_an_error_and_a_codec_that_is_missing_says_what_to_install(tmp_path, monkeypatch) -> None:
    (tmp_path / "a.svs").write_bytes(b"not a slide")
    with pytest.raises(DataError, match=r"no readable image in .*a\.svs"):
        read_svs(tmp_path / "a.svs")
    image = tile(0, 32)[0]
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    tifffile.imwrite(tmp_path / "b.svs", image, photometric="rgb")
    np.testing.assert_array_equal(read_svs(tmp_path / "b.svs"), image)
    with tifffile.TiffFile(tmp_path / "b.svs", mode="r+") as slide:
        slide.pages.first.tags["Compression"].overwrite(33005)  # JPEG 2000, as Aperio writes it
    with pytest.raises(MissingError, match="pip install imagecodecs"):
        read_svs(tmp_path / "b.svs")


def test_a_slide_that_pillow_cannot_read_is_read_by_tifffile(tmp_path, monkeypatch) -> None:
    image = tile(0, 32)[0]
    tifffile.imwrite(tmp_path / "a.svs", image, photometric="rgb", planarconfig="contig")

    def refuse(path) -> None:
        raise DataError("There is no readable image", got="an unknown compression")

    monkeypatch.setattr("bench.formats.svs.read_rgb", refuse)
    np.testing.assert_array_equal(read_svs(tmp_path / "a.svs"), image)
    for odd in (image[..., 0], image.astype(np.uint16)):
        tifffile.imwrite(tmp_path / "b.svs", odd)
        with pytest.raises(DataError, match="no readable image"):
            read_svs(tmp_path / "b.svs")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(DataError, match="no readable image"):
        read_svs(tmp_path / "a.svs")


def test_every_patient_of_the_card_has_one_organ() -> None:
    organs = shipped_card("monusac").extra["organs"]
    patients = [patient for of_organ in organs.values() for patient in of_organ]
    assert len(patients) == len(set(patients)) == 69  # 71 counts the two who stand in both splits twice
    assert {"TCGA-A2-A0ES", "TCGA-MP-A4T7"} <= set(patients)
