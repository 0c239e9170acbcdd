"""PUMA in its official layout: classes by name, both tracks of the challenge, and broken folders."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bench.contract import DatasetInfo
from bench.datasets.checks.verify import verify
from bench.datasets.prepared.canonical import validate_sample
from bench.datasets.readers.puma import IMAGES, LABELS, PUMA
from bench.datasets.splits.id_division import divide_ids
from bench.errors import MissingError
from tests.bench.datasets.layouts import others
from tests.bench.datasets.layouts_paired import PUMA as STEMS
from tests.bench.datasets.layouts_paired import small_card, write_puma


def source(root, name: str = "puma", **extra) -> PUMA:
    return PUMA(small_card(name, **extra), root)


def problems(root) -> dict[str, str]:
    report = verify(source(root))
    assert not report.ok
    return {item.file: item.message for item in report.findings if item.severity == "error"}


@pytest.mark.parametrize("name", ["puma", "puma-track2"])
def test_puma_comes_back_as_written(tmp_path, name: str) -> None:
    truth = write_puma(tmp_path / "PUMA")
    read = source(tmp_path, name)
    found = {item.id: item for split in read.splits() for item in read.samples(split)}
    assert set(found) == set(truth)
    for stem, item in found.items():
        validate_sample(item, DatasetInfo(name, "train", "nuclei", read.card.class_names, (), 0.23))
        np.testing.assert_array_equal(item.image, truth[stem].image)
        np.testing.assert_array_equal(item.instances, truth[stem].instances)
        merged = [read.card.merging[kind] for kind in truth[stem].types.tolist()]
        assert item.types.tolist() == merged
        assert item.tissue == f"{'primary' if 'primary' in stem else 'metastatic'} melanoma"
        assert item.group == stem
    assert len({kind for item in truth.values() for kind in item.types}) == 10
    report = verify(read)
    assert report.ok
    assert others(report) == []


def test_the_test_split_has_both_kinds_and_one_kind_can_be_held_out(tmp_path) -> None:
    write_puma(tmp_path / "puma")
    read = source(tmp_path)
    assert {"primary" in name for name in read.ids("test")} == {True, False}
    ids = {split: read.ids(split) for split in read.splits()}
    division = divide_ids("across", read.card.protocols["across-specimens"], "puma", ids)
    assert [set(fold["test"]) for fold in division.folds] == [set(STEMS[:5]), set(STEMS[5:])]


def test_each_broken_file_is_named(tmp_path) -> None:
    root = tmp_path / "puma"
    write_puma(root)
    (root / IMAGES / f"{STEMS[0]}.tif").unlink()
    (root / LABELS / f"{STEMS[1]}_nuclei.geojson").write_text("{", encoding="utf-8")
    path = root / LABELS / f"{STEMS[2]}_nuclei.geojson"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["features"][0]["properties"]["classification"]["name"] = "nuclei_lymphocytes"
    path.write_text(json.dumps(content), encoding="utf-8")
    found = problems(tmp_path)
    assert found[f"{LABELS}/{STEMS[0]}_nuclei.geojson"] == "a label without an image"
    assert STEMS[1] in found
    assert "nuclei_lymphocytes" in found[STEMS[2]]


def test_a_missing_half_is_an_error_and_another_folder_is_not_taken(tmp_path) -> None:
    root = tmp_path / "puma"
    write_puma(root)
    (root / IMAGES).rename(tmp_path / "elsewhere")
    assert any("no folder of images" in message for message in problems(tmp_path).values())
    with pytest.raises(MissingError, match="zenodo"):
        source(tmp_path / "elsewhere").locate()
