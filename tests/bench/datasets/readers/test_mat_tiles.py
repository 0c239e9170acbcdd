"""CoNSeP and GLySAC in their official layouts: round trips, groups, places, and broken folders."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from bench.datasets.readers.consep import CoNSeP
from bench.datasets.readers.glysac import GLySAC
from bench.errors import ConfigError, DataError, MissingError
from tests.bench.datasets.layouts import shipped_card, toy_card, write_consep, write_glysac, write_image, write_mat
from tests.toy import tile


def same(sample, written) -> None:
    np.testing.assert_array_equal(sample.image, written.image)
    np.testing.assert_array_equal(sample.instances, written.instances)
    np.testing.assert_array_equal(sample.types, written.types)


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("options", [{"suffix": ".png"}, {"suffix": ".tif"}, {"suffix": ".png", "alpha": True}])
def test_consep_comes_back_as_written(tmp_path, raw, options) -> None:
    truth = write_consep(tmp_path / "CoNSeP", raw=raw, **options)
    source = CoNSeP(toy_card("consep", truth), tmp_path)
    for split, tiles in truth.items():
        samples = list(source.samples(split))
        assert [item.id for item in samples] == list(tiles)  # train_2 before train_10
        for item in samples:
            same(item, tiles[item.id])
            assert item.group == item.id
            assert item.mpp == 0.25
    assert source.notes() == {"classes_merged": "raw" if raw else "already"}


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("suffix", [".tif", ".png", ".TIFF"])
def test_glysac_comes_back_as_written(tmp_path, raw, suffix) -> None:
    truth = write_glysac(tmp_path / "glysac", raw=raw, suffix=suffix)
    source = GLySAC(toy_card("glysac", truth), tmp_path)
    for split, tiles in truth.items():
        for item in source.samples(split):
            same(item, tiles[item.id])
    assert {item.group for item in source.samples("train")} == {"AGC1", "EGC1"}
    assert {item.group for item in source.samples("test")} == {"AGC2"}


def test_labels_that_are_merged_already_are_not_merged_again(tmp_path) -> None:
    truth = write_glysac(tmp_path, raw=False)
    card = toy_card("glysac", truth, classes_merged="raw")
    with pytest.raises(DataError, match="merging twice"):
        next(iter(GLySAC(card, tmp_path).samples("train")))


def test_splits_may_differ_in_state_and_notes_say_so(tmp_path) -> None:
    truth = write_consep(tmp_path / "a", raw=False)
    write_consep(tmp_path / "b", raw=True)
    shutil.rmtree(tmp_path / "a" / "Test")
    (tmp_path / "b" / "Test").rename(tmp_path / "a" / "Test")
    source = CoNSeP(toy_card("consep", truth), tmp_path / "a")
    assert source.notes() == {"classes_merged": {"train": "already", "test": "raw"}}
    for item in source.samples("test"):
        same(item, truth["test"][item.id])


def test_the_folder_is_found_under_the_root_or_as_the_root(tmp_path) -> None:
    write_consep(tmp_path / "x" / "consep")
    card = shipped_card("consep")
    assert CoNSeP(card, tmp_path / "x").locate() == tmp_path / "x" / "consep"
    assert CoNSeP(card, tmp_path / "x" / "consep").locate() == tmp_path / "x" / "consep"


@pytest.mark.parametrize("known", [True, False])
def test_missing_data_says_where_how_and_what_meanwhile(tmp_path, known) -> None:
    with pytest.raises(MissingError) as caught:
        GLySAC(shipped_card("glysac"), tmp_path if known else None).locate()
    error = caught.value
    assert error.exit_code == 2
    assert "{Train,Test}/{Images/*.tif,Labels/*.mat}" in error.fix
    assert "1g1_xYFWgp3cRLKrlSwD2U5JDjooC0yHp" in error.fix
    assert "--dataset phantom" in error.fix
    assert str(tmp_path / "glysac") in error.fix if known else "--data-root" in error.fix
    assert "\n" not in error.message + error.got + error.fix


def test_the_fingerprint_moves_with_the_files_and_not_with_the_place(tmp_path) -> None:
    write_consep(tmp_path / "consep")
    card = shipped_card("consep")
    before = CoNSeP(card, tmp_path).fingerprint()
    assert CoNSeP(card, tmp_path).fingerprint() == before
    (tmp_path / "consep").rename(tmp_path / "CoNSeP")
    assert CoNSeP(card, tmp_path).fingerprint() == before
    label = tmp_path / "CoNSeP" / "Test" / "Labels" / "test_1.mat"
    label.write_bytes(label.read_bytes() + b"\0")
    assert CoNSeP(card, tmp_path).fingerprint() != before
    assert len(CoNSeP(card, tmp_path).files()) == 30


def test_an_unknown_split_lists_those_there_are(tmp_path) -> None:
    write_consep(tmp_path)
    with pytest.raises(ConfigError, match="use one of: train, test"):
        CoNSeP(shipped_card("consep"), tmp_path).ids("fresh")


def test_stray_and_missing_files_stop_a_run_and_are_listed(tmp_path) -> None:
    truth = write_consep(tmp_path)
    train = tmp_path / "Train"
    (train / "Labels" / "train_3.mat").unlink()
    (train / "Images" / "train_4.png").unlink()
    write_image(train / "Images" / "train_5.tif", tile(0, 64)[0])
    (train / "Images" / "thumbnails.db").write_bytes(b"x")
    (train / "Images" / ".hidden.png").write_bytes(b"x")
    source = CoNSeP(toy_card("consep", truth), tmp_path)
    listed = {(item.severity, item.file): item.message for item in source.layout_findings("train")}
    assert listed == {
        ("info", "Train/Images/thumbnails.db"): "ignored: not one of .png, .tif, .tiff",
        ("error", "Train/Images/train_3.png"): "an image without a label",
        ("error", "Train/Labels/train_4.mat"): "a label without an image",
        ("error", "Train/Images/train_5.png"): "several files for one tile: train_5.png, train_5.tif, train_5.mat",
    }
    with pytest.raises(DataError, match=r"train_3\.png: an image without a label \(and 2 more\)"):
        source.samples("train")
    assert len(list(source.samples("test"))) == 3


def test_image_and_label_of_different_size_name_both(tmp_path) -> None:
    truth = write_consep(tmp_path)
    write_image(tmp_path / "Train" / "Images" / "train_2.png", tile(0, 60)[0])
    source = CoNSeP(toy_card("consep", truth), tmp_path)
    with pytest.raises(DataError, match=r"train_2\.png and .*train_2\.mat; got: \(60, 60\) and \(64, 64\)"):
        source.read("train", 1)


def test_a_class_that_is_neither_raw_nor_merged_names_the_file(tmp_path) -> None:
    truth = write_consep(tmp_path)
    _, instances, types = tile(3, 64, density=0.01)
    write_mat(tmp_path / "Train" / "Labels" / "train_2.mat", instances, np.full(len(types), 9))
    source = CoNSeP(toy_card("consep", truth), tmp_path)
    with pytest.raises(DataError, match=r"train_2\.mat.*\[9\]"):
        source.read("train", 1)


def of_slides(truth) -> dict[str, str]:
    """Name a slide for each toy tile: two tiles of a split in a row share one."""
    return {stem: f"{split}-slide-{number // 2}" for split, tiles in truth.items() for number, stem in enumerate(tiles)}


@pytest.mark.parametrize("as_file", [True, False])
def test_a_map_gives_tiles_their_slides(tmp_path, as_file) -> None:
    truth = write_consep(tmp_path / "consep")
    slides = of_slides(truth)
    given: object = slides
    if as_file:
        given = "slides.csv"
        lines = "".join(f"{tile},{slide}\n" for tile, slide in slides.items())
        (tmp_path / "consep" / "slides.csv").write_text(f"tile,group\n{lines}")
    source = CoNSeP(toy_card("consep", truth, groups="slide", group_map=given), tmp_path)
    assert source.group_kind == "slide"
    for split in truth:
        assert [sample.group for sample in source.samples(split)] == [slides[name] for name in source.ids(split)]
        assert source.inspect(split, 0).group == f"{split}-slide-0"
    named = [path for path, *_ in source.fingerprint()["files"] if path == "slides.csv"]
    assert named == (["slides.csv"] if as_file else [])


def test_a_map_that_does_not_fit_names_the_tiles(tmp_path) -> None:
    truth = write_consep(tmp_path / "consep")
    slides = of_slides(truth)
    del slides["train_3"]
    card = toy_card("consep", truth, groups="slide", group_map={**slides, "train_99": "slide"})
    source = CoNSeP(card, tmp_path)
    (found,) = [item for item in source.layout_findings("train") if item.file == "group_map"]
    assert found.severity == "error"
    assert "no group for train_3" in found.message
    assert "no such tile: train_99" in found.message
    with pytest.raises(DataError, match="not complete"):
        next(iter(source.samples("train")))
