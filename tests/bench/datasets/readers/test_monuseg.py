"""MoNuSeg in its official layout: outlines without classes, patients, unpublished tiles and broken folders."""

from __future__ import annotations

import numpy as np
import pytest

from bench.contract import DatasetInfo
from bench.datasets.card import SplitCounts
from bench.datasets.checks.verify import verify
from bench.datasets.prepared.canonical import validate_sample
from bench.datasets.readers.monuseg import TEST, TRAIN, MoNuSeg
from bench.errors import MissingError
from tests.bench.datasets.layouts import others, shipped_card
from tests.bench.datasets.layouts_paired import MONUSEG, UNPUBLISHED, small_card, write_monuseg


def source(root, **extra) -> MoNuSeg:
    return MoNuSeg(small_card("monuseg", **extra), root)


def problems(root) -> dict[str, str]:
    report = verify(source(root))
    assert not report.ok
    return {item.file: item.message for item in report.findings if item.severity == "error"}


def test_monuseg_comes_back_as_written(tmp_path) -> None:
    truth = write_monuseg(tmp_path / "MoNuSeg", extra=False)
    read = source(tmp_path)
    for split, tiles in truth.items():
        assert set(read.ids(split)) == set(tiles)
        for item in read.samples(split):
            validate_sample(item, DatasetInfo("monuseg", split, "nuclei", (), (), 0.25))
            np.testing.assert_array_equal(item.image, tiles[item.id].image)
            np.testing.assert_array_equal(item.instances, tiles[item.id].instances)
            assert item.types is None
            assert item.group == item.id[:12]
    tissues = [item.tissue for item in read.samples("train")]
    assert tissues == ["lung", "breast", "colon", "kidney", "prostate"]
    report = verify(read)
    assert report.ok
    assert others(report) == []


def test_tiles_that_were_not_published_are_left_out_unless_the_card_says_so(tmp_path) -> None:
    write_monuseg(tmp_path / "monuseg")
    assert list(source(tmp_path).ids("train")) == sorted(MONUSEG["train"])
    (only,) = others(verify(source(tmp_path)))
    assert (only.severity, UNPUBLISHED in only.file) == ("info", True)
    assert UNPUBLISHED in source(tmp_path, published_only=False).ids("train")
    counts = SplitCounts(tiles=5)
    card = small_card("monuseg").model_copy(update={"expected": {"train": counts}})
    assert verify(MoNuSeg(card, tmp_path)).ok


def test_the_card_lists_the_published_tiles() -> None:
    card = shipped_card("monuseg")
    listed = [stem for stems in card.extra["organs"].values() for stem in stems]
    assert len(listed) == len(set(listed)) == card.expected["train"].tiles
    assert len({stem[:12] for stem in listed}) == len(listed)


def test_archives_unpacked_into_folders_of_their_names(tmp_path) -> None:
    root = tmp_path / "monuseg"
    write_monuseg(root)
    for name in (TRAIN, TEST):
        (root / name).rename(tmp_path / "one")
        (root / name).mkdir()
        (tmp_path / "one").rename(root / name / name)
    assert list(source(tmp_path).ids("test")) == MONUSEG["test"]


def test_each_broken_file_is_named(tmp_path) -> None:
    root = tmp_path / "monuseg"
    write_monuseg(root, extra=False)
    first, second = MONUSEG["test"]
    (root / TEST / f"{first}.xml").unlink()
    (root / TEST / f"{second}.xml").write_text("<Annotations><Annotation>", encoding="utf-8")
    (root / TRAIN / "Tissue Images" / f"{MONUSEG['train'][0]}.tif").rename(root / TRAIN / "Tissue Images" / "a.tif")
    found = problems(tmp_path)
    assert found[f"{TEST}/{first}.tif"] == "an image without a label"
    assert "not well formed" in found[second]
    assert found[f"{TRAIN}/Tissue Images/a.tif"] == "an image without a label"
    (root / TRAIN / "Annotations" / f"{MONUSEG['train'][0]}.xml").rename(root / TRAIN / "Annotations" / "a.xml")
    assert "TCGA-XX-XXXX" in problems(tmp_path)[f"{TRAIN}/Tissue Images/a.tif"]


def test_a_missing_half_is_an_error_and_another_folder_is_not_taken(tmp_path) -> None:
    root = tmp_path / "monuseg"
    write_monuseg(root)
    (root / TEST).rename(tmp_path / "elsewhere")
    assert any("no folder of images" in message for message in problems(tmp_path).values())
    with pytest.raises(MissingError, match="grand-challenge"):
        source(tmp_path / "elsewhere").locate()
