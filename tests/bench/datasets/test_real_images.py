"""The images and captions at hand beside the repository or under BENCH_DATA_ROOT, by the cards of the examples."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from bench.datasets.card import DatasetCard, load_card
from bench.datasets.checks.he_filter import write_manifest
from bench.datasets.checks.verify import verify
from bench.datasets.readers.image_caption import ImageCaption
from bench.datasets.readers.image_folder import ImageFolder
from bench.datasets.tile_source import TileSource
from tests.bench.datasets.layouts import others

HERE = Path(__file__).parents[3]
ROOT = Path(os.environ.get("BENCH_DATA_ROOT") or HERE.parent / "shared" / "data")
SOURCES = {
    "lc25000": ImageFolder,
    "lc25000-5pct": ImageFolder,
    "crc_val_he_7k_mini": ImageFolder,
    "pathcap_mini": ImageCaption,
}


def example(name: str) -> DatasetCard:
    return load_card(str(HERE / "examples" / "cards" / f"{name}.yaml"))


def opened(name: str) -> TileSource:
    card = example(name)
    if not (ROOT / card.folders[0]).is_dir():
        pytest.skip(f"no {card.folders[0]} under {ROOT}")
    return SOURCES[name](card, ROOT)


@pytest.mark.parametrize("name", SOURCES)
def test_cards_of_examples_are_whole_without_the_data(name: str) -> None:
    card = example(name)
    source = SOURCES[name](card, None)
    assert not card.generic
    assert (card.name, source.splits()) == (name, card.splits)
    assert (card.labelled is not None) == (name == "lc25000-5pct")


def test_lc25000_divides_by_original() -> None:
    source = opened("lc25000")
    report = verify(source)
    assert report.ok
    assert others(report) == []
    counts = {split: dict(found.labels) for split, found in report.splits.items()}
    assert counts == {
        "train": {"lung_n": 795, "lung_aca": 776, "lung_scc": 792},
        "test": {"lung_n": 200, "lung_aca": 196, "lung_scc": 200},
    }
    assert sum(found.groups for found in report.splits.values()) == 740
    assert {size for found in report.splits.values() for size in found.shapes} == {(224, 224)}


def test_a_few_patches_of_crc_val_he_7k_have_the_ids_of_all() -> None:
    report = verify(opened("crc_val_he_7k_mini"))
    assert report.ok
    assert [(item.severity, item.message.split(":")[0]) for item in others(report)] == [
        ("warning", "no image of the class BACK")
    ]
    assert list(report.splits["test"].labels.values()) == [4, 0, 4, 4, 4, 4, 5, 4, 4]


def test_captions_of_pathcap_load_without_their_images() -> None:
    source = opened("pathcap_mini")
    report = verify(source)
    assert report.ok
    assert others(report) == []
    assert report.notes == {"images with captions": 0, "captions only": 3670, "images only": 0}
    assert (report.splits["train"].tiles, report.splits["train"].groups) == (3670, 2638)
    sample = source.read("train", 0)
    assert sample.group == "34248855"
    assert sample.tissue == "Thyroid_carcinoma"
    assert sample.caption.startswith("Histological section")


def test_real_he_passes_the_filter(tmp_path: Path) -> None:
    counts: Counter[str] = write_manifest(opened("crc_val_he_7k_mini"), tmp_path / "he.csv")
    assert counts == {"kept": 33}
