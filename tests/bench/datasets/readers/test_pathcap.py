"""PathCap: captions as JSON, articles as groups, the subset of H&E by a manifest."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.datasets.checks.he_filter import write_manifest
from bench.datasets.checks.verify import verify
from bench.datasets.readers.pathcap import PathCap
from bench.errors import ConfigError, DataError, MissingError
from tests.bench.datasets.layouts import shipped_card
from tests.bench.datasets.layouts_images import PATHCAP, write_pathcap, write_picture


def source(root: Path, name: str = "pathcap", **extra: object) -> PathCap:
    card = shipped_card(name)
    return PathCap(card.model_copy(update={"extra": {**card.extra, **extra}}), root)


def stem(name: str) -> str:
    return name.removesuffix(".png")


@pytest.mark.parametrize("form", ["list", "mapping"])
@pytest.mark.parametrize("below", [".", "PathCap"])
def test_images_and_captions_come_back(tmp_path: Path, form: str, below: str) -> None:
    images = write_pathcap(tmp_path / below, form)
    found = source(tmp_path)
    samples = {sample.id: sample for split in ("train", "test") for sample in found.samples(split)}
    assert set(samples) == {stem(name) for name in PATHCAP}
    for name, text in PATHCAP.items():
        np.testing.assert_array_equal(samples[stem(name)].image, images[name])
        assert samples[stem(name)].caption == text
    report = verify(found)
    assert report.ok
    assert report.notes == {"images with captions": 5, "captions only": 0, "images only": 0}


def test_a10_figures_of_one_article_stand_in_one_split(tmp_path: Path) -> None:
    write_pathcap(tmp_path)
    found = source(tmp_path)
    groups = {split: {sample.group for sample in found.samples(split)} for split in ("train", "test")}
    assert groups["train"] | groups["test"] == {"111", "222", "333"}
    assert not groups["train"] & groups["test"]
    assert len(groups["test"]) == 1


def test_an_articles_key_wins_over_the_name_and_images_may_be_absent(tmp_path: Path) -> None:
    records = [{"img": f"{index}.jpg", "caption": "text", "pmc_id": f"PMC{index // 2}"} for index in range(8)]
    (tmp_path / "captions.json").write_text(json.dumps(records))
    found = source(tmp_path)
    assert {sample.group for split in ("train", "test") for sample in found.samples(split)} == {
        f"PMC{index}" for index in range(4)
    }
    assert found.notes()["captions only"] == 8


def test_an_image_named_again_keeps_its_first_caption(tmp_path: Path) -> None:
    others = {f"b{index}": "other" for index in range(4)}
    records = [{"img": name, "caption": text} for name, text in (("a", "first"), *others.items(), ("a", "second"))]
    (tmp_path / "data.json").write_text(json.dumps(records))
    found = source(tmp_path)
    captions = {sample.id: sample.caption for split in ("train", "test") for sample in found.samples(split)}
    assert captions == {"a": "first", **others}
    assert [(item.severity, item.message.split(":")[0]) for item in found.layout_findings("train")] == [
        ("warning", "1 lines repeat the name of another line")
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[{", "as JSON"),
        ("[" * 100_000, "as JSON"),
        ("3", "a list of records"),
        ("[]", "got: nothing"),
        ('["a"]', "a list of records"),
        ('[{"img": "a", "words": "b"}]', "keys img, words"),
        ('[{"img": "a", "caption": "x"}, {"img": "", "caption": "b"}]', "Record 2"),
        ('[{"img": 3, "caption": "b"}]', "got: 3"),
        ('[{"img": "../a.png", "caption": "b"}, {"img": "b", "caption": "b"}]', ""),
    ],
)
def test_unfit_captions_are_named(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "data.json").write_text(content)
    with pytest.raises(DataError) as raised:
        next(source(tmp_path).samples("train"))
    assert said in str(raised.value)


def test_a11_the_subset_of_he_is_a_manifest(tmp_path: Path) -> None:
    write_pathcap(tmp_path)
    grey = "images/Lung/0@333_g1.png"
    image = write_picture(tmp_path / grey, 3)
    Image.fromarray(image[:, :, 0]).save(tmp_path / grey)
    with pytest.raises(MissingError, match=r"he-manifest\.csv"):
        source(tmp_path, "pathcap-he").ids("train")
    counts = write_manifest(source(tmp_path), tmp_path / "he-manifest.csv")
    assert counts == {"kept": 4, "grey": 1}
    kept = source(tmp_path, "pathcap-he")
    assert {name for split in ("train", "test") for name in kept.ids(split)} == {
        stem(name) for name in PATHCAP if name != grey
    }


def test_absent_files_and_odd_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"PathCap"):
        source(tmp_path).locate()
    with pytest.raises(ConfigError, match=r"caption_keys"):
        source(tmp_path, caption_kyes=["x"])
