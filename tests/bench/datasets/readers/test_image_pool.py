"""Pools of images without labels: several sources, one split, nothing known but the picture."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from bench.datasets.card import DatasetCard
from bench.datasets.checks.verify import verify
from bench.datasets.readers.image_pool import ImagePool
from bench.errors import ConfigError, MissingError
from tests.bench.datasets.layouts import shipped_card, write_consep
from tests.bench.datasets.layouts_images import own_card, write_picture

TMA, TCGA = {"name": "tma", "folder": "tma"}, {"name": "tcga", "folder": "slides/tcga", "suffixes": [".png"]}


def card(*sources: dict, **changes: object) -> DatasetCard:
    return own_card("image-pool", **{"default_downstream": "", "extra": {"sources": sources}, **changes})


def write(root: Path) -> dict[str, np.ndarray]:
    names = [
        "tma/NKI/1.jpg.png",
        "tma/VGH/1.TIF",
        "slides/tcga/TCGA-A2-A0ES-01_3.png",
        "slides/tcga/TCGA-E2-A1B2-01_4.png",
    ]
    return {name: write_picture(root / name, seed) for seed, name in enumerate(names)}


def test_images_of_all_sources_come_in_one_split(tmp_path: Path) -> None:
    truth = write(tmp_path)
    (tmp_path / "slides" / "tcga" / "list.csv").write_text("x")
    (tmp_path / "tma" / ".hidden.png").write_bytes(b"x")
    source = ImagePool(card(TMA, {**TCGA, "group_pattern": "(TCGA-[A-Z0-9]{2}-[A-Z0-9]{4})", "mpp": 0.25}), tmp_path)
    ids = ["tma/NKI/1.jpg", "tma/VGH/1", "tcga/TCGA-A2-A0ES-01_3", "tcga/TCGA-E2-A1B2-01_4"]
    assert source.ids("train") == ids
    samples = list(source.samples("train"))
    assert [sample.id for sample in samples] == ids
    for sample, image in zip(samples, truth.values(), strict=True):
        np.testing.assert_array_equal(sample.image, image)
        assert (sample.label, sample.caption, sample.instances) == (None, None, None)
    assert [sample.tissue for sample in samples] == ["tma", "tma", "tcga", "tcga"]
    assert [sample.group for sample in samples] == [*ids[:2], "tcga/TCGA-A2-A0ES", "tcga/TCGA-E2-A1B2"]
    assert [sample.mpp for sample in samples] == [0.5, 0.5, 0.25, 0.25]
    report = verify(source)
    assert report.ok
    assert report.notes == {"sources": {"tma": 2, "tcga": 2}}


def test_a_dataset_is_a_source_with_all_its_splits(tmp_path: Path) -> None:
    write(tmp_path / "pool")
    truth = write_consep(tmp_path / "consep")
    source = ImagePool(card(TMA, {"name": "tiles", "dataset": "consep", "n": 15}, folders=("pool",)), tmp_path)
    assert len(source.ids("train")) == 17
    samples = {sample.id: sample for sample in source.samples("train")}
    np.testing.assert_array_equal(samples["tiles/test_2"].image, truth["test"]["test_2"].image)
    np.testing.assert_array_equal(samples["tiles/train_10"].image, truth["train"]["train_10"].image)
    assert samples["tiles/train_10"].instances is None
    assert (samples["tiles/train_10"].tissue, samples["tiles/train_10"].group) == ("tiles", "tiles/train_10")
    assert samples["tiles/train_10"].mpp == 0.25
    assert source.layout_findings("train") == []
    assert len(source.files()) == 2 + 2 * 15


def test_counts_a_source_are_compared(tmp_path: Path) -> None:
    write(tmp_path)
    found = ImagePool(card({**TMA, "n": 3}, {**TCGA, "n": 2}), tmp_path).layout_findings("train")
    assert [(item.severity, item.file) for item in found] == [("warning", "tma")]
    assert found[0].message.startswith("2 images instead of the published 3 (-1, 33.3%)")


def test_an_absent_or_empty_source_and_doubled_ids_are_named(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(MissingError) as raised:
        ImagePool(card(TMA, {"name": "more", "folder": "more"}), tmp_path).ids("train")
    assert str(tmp_path / "more") in raised.value.message
    (tmp_path / "more").mkdir()
    write_picture(tmp_path / "tma" / "VGH" / "1.png", 9)
    found = ImagePool(card(TMA, {"name": "more", "folder": "more"}), tmp_path).layout_findings("train")
    assert [(item.severity, item.file) for item in found] == [("error", "tma/VGH/1"), ("error", "more")]


def test_links_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "tma" / "circle").symlink_to(tmp_path / "tma")
    (tmp_path / "tma" / "link.png").symlink_to(tmp_path / "slides" / "tcga" / "TCGA-A2-A0ES-01_3.png")
    assert len(ImagePool(card(TMA), tmp_path).ids("train")) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"splits": ("train", "test")}, "only the split train"),
        ({"extra": {"sources": [TMA, TMA]}}, "different names"),
        ({"extra": {"sources": []}}, "sources"),
        ({"extra": {"sources": [{"name": "a"}]}}, "a `folder` or a `dataset`"),
        ({"extra": {"sources": [{"name": "a/b", "folder": "a"}]}}, "name"),
        ({"extra": {"sources": [{"name": "a", "folder": "a", "group_pattern": "("}]}}, "regular expression"),
    ],
)
def test_cards_that_do_not_fit_are_refused(tmp_path: Path, changes: dict, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        ImagePool(card(TMA, **changes), tmp_path)
    assert said in str(raised.value)


def test_the_fingerprint_follows_names_sizes_and_times(tmp_path: Path) -> None:
    write(tmp_path)

    def fingerprint() -> object:
        return ImagePool(card(TMA, TCGA), tmp_path).fingerprint()

    first = fingerprint()
    assert fingerprint() == first
    os.utime(tmp_path / "tma" / "VGH" / "1.TIF", (1, 1))
    assert fingerprint()["tma"] != first["tma"]
    assert fingerprint()["tcga"] == first["tcga"]


def test_the_card_of_histodiffusion_counts_what_the_paper_counts() -> None:
    shipped = shipped_card("histodiffusion-pool")
    source = ImagePool(shipped, None)
    assert [part.n for part in source.plan.sources] == [312_320, 7_901, 482_958]
    assert sum(part.n for part in source.plan.sources) == shipped.expected["train"].tiles == 803_179
