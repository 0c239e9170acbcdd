"""Verification: everything that is odd is listed, and only errors spoil the outcome."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from bench.datasets.card import SplitCounts
from bench.datasets.checks.verify import verify
from bench.datasets.readers.consep import CoNSeP
from bench.datasets.readers.glysac import GLySAC
from bench.datasets.readers.image_folder import ImageFolder
from bench.errors import MissingError
from tests.bench.datasets.layouts import (
    Counted,
    others,
    shipped_card,
    toy_card,
    write_consep,
    write_glysac,
    write_image,
    write_mat,
)
from tests.toy import tile


@pytest.fixture(params=[True, False], ids=["raw", "merged"])
def toy(tmp_path, request):
    truth = write_consep(tmp_path, raw=request.param)
    return tmp_path, toy_card("consep", truth)


def errors(report) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in report.findings:
        if item.severity == "error":
            found[item.file] = found.get(item.file, "") + item.message + "\n"
    return found


def test_a_sound_dataset_has_no_other_findings_and_its_counts(toy) -> None:
    root, card = toy
    progress = Counted()
    report = verify(CoNSeP(card, root), progress)
    assert report.ok
    assert others(report) == []
    assert progress.stages == {"read train": (12, 12), "read test": (3, 3)}
    for split, expected in card.expected.items():
        counts = report.splits[split]
        assert (counts.tiles, dict(counts.nuclei)) == (expected.tiles, dict(expected.nuclei))
        assert counts.groups == expected.tiles
        assert counts.shapes == {(64, 64): expected.tiles}


def test_every_broken_file_is_listed_at_once(toy) -> None:
    root, card = toy
    images, labels = root / "Train" / "Images", root / "Train" / "Labels"
    _, instances, types = tile(3, 64, density=0.01)
    write_image(images / "train_1.png", tile(0, 60)[0])
    write_mat(labels / "train_2.mat", instances, types, inst_map=instances + 0.25 * (instances > 0))
    two = np.concatenate([[0], types])[instances].astype(float)
    two[tuple(np.argwhere(instances == 1)[0])] = types[0] % 4 + 1
    write_mat(labels / "train_3.mat", instances, types, type_map=two)
    whole = (images / "train_4.png").read_bytes()
    (images / "train_4.png").write_bytes(whole[: len(whole) // 2])
    (labels / "train_5.mat").write_bytes(b"broken")
    (labels / "train_6.mat").unlink()
    write_mat(labels / "train_7.mat", instances, types, inst_map=None)
    write_image(images / "train_8.png", tile(107, 64, density=0.01)[0], alpha=True)  # alpha alone is no fault
    report = verify(CoNSeP(card, root))
    assert not report.ok
    found = errors(report)
    for file, said in {
        "Train/Labels/train_1.mat": "differ in size",
        "Train/Labels/train_2.mat": "not whole numbers",
        "Train/Labels/train_3.mat": "several classes",
        "Train/Images/train_4.png": "readable image",
        "Train/Labels/train_5.mat": "as a MATLAB file",
        "Train/Images/train_6.png": "without a label",
        "Train/Labels/train_7.mat": "inst_map",
    }.items():
        assert said in found[file]
    assert not any("train_8" in file for file in found)
    assert report.notes == {}


@pytest.mark.parametrize(("published", "severity"), [(1000, None), (991, "warning"), (990, "error"), (1011, "error")])
def test_one_percent_off_is_a_warning_more_an_error(tmp_path, published, severity) -> None:
    for seed, split in enumerate(("Train", "Test")):
        instances = np.kron(np.arange(1, 1001).reshape(20, 50), np.ones((2, 2))).astype(np.int32)
        write_image(tmp_path / split / "Images" / f"{split}.png", tile(seed, 100)[0][:40])
        write_mat(tmp_path / split / "Labels" / f"{split}.mat", instances, np.full(1000, 7))
    nuclei = {"miscellaneous": 0, "inflammatory": 0, "epithelial": 0, "spindle": published}
    counts = SplitCounts(tiles=1, nuclei=nuclei)
    card = shipped_card("consep").model_copy(update={"expected": {"train": counts}})
    report = verify(CoNSeP(card, tmp_path))
    assert [item.severity for item in others(report)] == ([severity] if severity else [])
    assert report.ok == (severity != "error")


def test_missing_tiles_are_an_error_of_count(toy) -> None:
    root, card = toy
    (root / "Train" / "Images" / "train_5.png").unlink()
    (root / "Train" / "Labels" / "train_5.mat").unlink()
    assert any(
        "11 tiles instead of the published 12 (-1, 8.3%)" in item.message
        for item in verify(CoNSeP(card, root)).findings
    )


def test_counts_that_cannot_be_told_raw_or_merged_say_what_to_set(tmp_path) -> None:
    write_consep(tmp_path, raw=False)
    report = verify(CoNSeP(shipped_card("consep"), tmp_path))  # far from the published counts
    assert "are raw or merged" in errors(report)["train"]


def test_a_group_or_tile_in_both_splits_is_found(tmp_path) -> None:
    truth = write_glysac(tmp_path)
    for kind, suffix in (("Images", ".tif"), ("Labels", ".mat")):
        folder = tmp_path / "Test" / kind
        shutil.copy(folder / f"AGC2_tumor_1{suffix}", folder / f"AGC1_tumor_9{suffix}")
    found = [
        item for item in verify(GLySAC(toy_card("glysac", truth), tmp_path)).findings if "this group" in item.message
    ]
    assert [(item.severity, item.file) for item in found] == [("warning", "AGC1")]
    for kind, suffix in (("Images", ".tif"), ("Labels", ".mat")):
        folder = tmp_path / "Test" / kind
        (folder / f"AGC1_tumor_9{suffix}").rename(folder / f"AGC1_tumor_2{suffix}")
    assert "this id is in test and train" in errors(verify(GLySAC(toy_card("glysac", truth), tmp_path)))["AGC1_tumor_2"]


def test_centroids_stored_as_row_and_column_are_a_warning(toy) -> None:
    root, card = toy
    _, instances, types = tile(3, 64, density=0.01)
    swapped = np.array([np.argwhere(instances == i).mean(axis=0) for i in range(1, len(types) + 1)])
    path = root / "Train" / "Labels" / "train_1.mat"
    write_mat(path, instances, types, inst_centroid=swapped)
    found = [item for item in verify(CoNSeP(card, root)).findings if "inst_centroid" in item.message]
    assert [(item.severity, item.file) for item in found] == [("warning", "Train/Labels/train_1.mat")]


def test_absent_data_is_not_a_report(tmp_path) -> None:
    with pytest.raises(MissingError):
        verify(CoNSeP(shipped_card("consep"), tmp_path))


def test_an_image_of_the_other_split_in_another_format_is_found(tmp_path) -> None:
    truth = write_consep(tmp_path)
    card = toy_card("consep", truth)
    train, test = tmp_path / "Train" / "Images", tmp_path / "Test" / "Images"
    with Image.open(train / "train_4.png") as image:
        image.convert("RGB").save(test / "test_2.tif", compression="jpeg", quality=70)
    (test / "test_2.png").unlink()
    report = verify(CoNSeP(card, tmp_path))
    (found,) = others(report)
    assert (found.severity, found.file) == ("warning", "test_2")
    assert "looks like train_4 in train" in found.message
    assert report.ok


def test_a_patient_in_both_splits_of_a_tissue_dataset_is_found(tmp_path) -> None:
    extra = {"splits": {"train": "a", "test": "b"}, "groups": {"file": "groups.csv"}}
    card = shipped_card("image-folder").model_copy(
        update={"labels": ("x", "y"), "extra": extra, "folders": (".",), "divide": None, "generic": False}
    )
    rows = ["file_name,group"]
    for seed, name in enumerate(["a/x/1.png", "a/y/2.png", "a/y/3.png", "b/x/4.png", "b/y/5.png"]):
        write_image(tmp_path / name, tile(seed, 64)[0])
        rows.append(f"{name},patient-{seed % 4}")
    (tmp_path / "groups.csv").write_text("\n".join(rows))
    (tmp_path / "b" / "y" / "broken.png").write_bytes(b"no image")
    (tmp_path / "groups.csv").write_text("\n".join([*rows, "b/y/broken.png,patient-9"]))
    report = verify(ImageFolder(card, tmp_path))
    found = {(item.severity, item.file): item.message for item in report.findings}
    assert "this group is in test and train" in found["warning", "patient-0"]
    assert "readable image" in next(text for (severity, _), text in found.items() if severity == "error")
    assert not report.ok
    assert {split: dict(part.labels) for split, part in report.splits.items()} == {
        "train": {"x": 1, "y": 2},
        "test": {"x": 1, "y": 1},
    }


def test_groups_that_are_few_or_no_slides_are_warnings(tmp_path) -> None:
    truth = write_consep(tmp_path)
    tiles = verify(CoNSeP(toy_card("consep", truth), tmp_path))
    assert [(item.severity, item.file) for item in tiles.findings] == [("warning", "test")] * 2
    assert tiles.ok
    mapped = {stem: stem for tiles in truth.values() for stem in tiles}
    card = toy_card("consep", truth, groups="slide", group_map=mapped)
    (few,) = verify(CoNSeP(card, tmp_path)).findings
    assert few.message == "3 groups (slide); intervals need at least 5"
