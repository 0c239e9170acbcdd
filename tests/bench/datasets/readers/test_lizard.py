"""Lizard in its official layout: lists in another order than ids, the parts of info.csv, and broken folders."""

from __future__ import annotations

import numpy as np
import pytest

from bench.contract import DatasetInfo
from bench.datasets.checks.verify import verify
from bench.datasets.prepared.canonical import validate_sample
from bench.datasets.readers.lizard import Lizard
from bench.datasets.splits.id_division import divide_ids
from bench.errors import ConfigError, MissingError
from tests.bench.datasets.layouts import others
from tests.bench.datasets.layouts_conic import write_rows
from tests.bench.datasets.layouts_paired import LIZARD, small_card, write_lizard

SPLITS = {1: "train", 2: "validation", 3: "test"}


def source(root, **extra) -> Lizard:
    return Lizard(small_card("lizard", **extra), root)


def problems(root) -> set[str]:
    report = verify(source(root))
    assert not report.ok
    return {item.message for item in report.findings if item.severity == "error"}


def test_lizard_comes_back_as_written(tmp_path) -> None:
    truth = write_lizard(tmp_path / "Lizard")
    read = source(tmp_path)
    seen = {}
    for split in read.splits():
        for item in read.samples(split):
            validate_sample(item, DatasetInfo("lizard", split, "nuclei", read.card.class_names, (), 0.5))
            written = truth[item.id]
            np.testing.assert_array_equal(item.image, written.image)
            np.testing.assert_array_equal(item.instances, written.instances)
            np.testing.assert_array_equal(item.types, written.types)
            assert (item.group, item.tissue) == (item.id, "colon")
            seen[item.id] = split
    assert seen == {name: SPLITS[part] for name, part in LIZARD.items()}
    assert {kind for written in truth.values() for kind in written.types} == set(range(1, 7))
    report = verify(read)
    assert report.ok
    assert others(report) == []


@pytest.mark.parametrize("names", [("lizard_images1", "lizard_images2", "lizard_labels"), None])
def test_other_names_of_unpacked_archives(tmp_path, names) -> None:
    root = tmp_path / "lizard"
    truth = write_lizard(root)
    official = ("Lizard_Images1", "Lizard_Images2", "Lizard_Labels")
    for name in official:
        if names is None:  # unpacked into a folder of the archive's name
            (root / name).rename(tmp_path / "one")
            (root / name.lower()).mkdir()
            (tmp_path / "one").rename(root / name.lower() / name)
        else:
            (root / name).rename(root / name.lower())
    read = source(tmp_path)
    assert {name for split in read.splits() for name in read.ids(split)} == set(truth)


def test_parts_and_sources_are_tested_by_training_on_the_others(tmp_path) -> None:
    write_lizard(tmp_path / "lizard")
    read = source(tmp_path)
    ids = {split: read.ids(split) for split in read.splits()}
    parts = divide_ids("parts", read.card.protocols["official-3fold"], "lizard", ids)
    assert [set(fold["test"]) for fold in parts.folds] == [
        {name for name, part in LIZARD.items() if part == number} for number in (1, 2, 3)
    ]
    sources = divide_ids("sources", read.card.protocols["leave-one-source-out"], "lizard", ids)
    assert [{name.split("_")[0] for name in fold["test"]} for fold in sources.folds] == [
        {"consep"},
        {"crag"},
        {"dpath"},
        {"glas"},
        {"pannuke"},
    ]


def test_each_problem_is_named(tmp_path) -> None:
    root = tmp_path / "lizard"
    write_lizard(root)
    (root / "Lizard_Images1" / "consep_2.png").unlink()
    (root / "Lizard_Labels" / "Labels" / "glas_1.mat").write_bytes(b"broken")
    found = problems(tmp_path)
    assert "a label without an image" in found
    assert "no image of consep_2" in found
    assert any("Cannot read" in message and "glas_1.mat" in message for message in found)
    write_lizard(root)
    write_rows(root / "Lizard_Labels" / "info.csv", [["Filename", "Split"], ["consep_1", "1"], ["consep_2", "4"]])
    found = problems(tmp_path)
    assert "splits other than 1, 2, 3: 4" in found
    assert "no split for consep_10, crag_1, dpath_1, glas_1, pannuke_1" in found


def test_missing_parts_of_the_dataset(tmp_path) -> None:
    root = tmp_path / "lizard"
    write_lizard(root)
    (root / "Lizard_Labels" / "info.csv").unlink()
    assert any("Cannot read" in message and "info.csv" in message for message in problems(tmp_path))
    write_lizard(root)
    (root / "Lizard_Images2").rename(tmp_path / "elsewhere")
    assert any("no folder of images" in message for message in problems(tmp_path))
    with pytest.raises(MissingError, match="Lizard_Labels"):
        source(tmp_path / "elsewhere").locate()
    with pytest.raises(ConfigError, match="extra"):
        source(tmp_path, part=3)
