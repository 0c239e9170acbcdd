"""NCT-CRC-HE: the official layout, its counts, and what its names say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.datasets.card import SplitCounts
from bench.datasets.checks.verify import verify
from bench.datasets.readers.nct_crc_he import NctCrcHe
from bench.errors import MissingError
from tests.bench.datasets.layouts import others, shipped_card
from tests.bench.datasets.layouts_images import nct_card, write_nct


@pytest.mark.parametrize("below", [".", "nct-crc-he"])
def test_the_official_layout_comes_back(tmp_path: Path, below: str) -> None:
    truth = write_nct(tmp_path / below)
    card = nct_card(truth)
    source = NctCrcHe(card, tmp_path)
    for split in ("train", "test"):
        samples = list(source.samples(split))
        assert {sample.group for sample in samples} == set(truth[split])  # no patient is known: every patch alone
        for sample in samples:
            np.testing.assert_array_equal(sample.image, truth[split][sample.group].image)
            assert card.labels[sample.label] == truth[split][sample.group].label
    report = verify(source)
    assert report.ok
    assert others(report) == []
    assert dict(report.splits["test"].labels) == dict(card.expected["test"].labels)


def test_the_variant_without_normalisation_trains_on_its_own_folder(tmp_path: Path) -> None:
    truth = write_nct(tmp_path, folders={"train": "NCT-CRC-HE-100K-NONORM", "test": "CRC-VAL-HE-7K"})
    card = nct_card(truth, "nct-crc-he-nonorm")
    assert (card.name, card.source) == ("nct-crc-he-nonorm", "nct-crc-he")
    assert verify(NctCrcHe(card, tmp_path)).ok
    with pytest.raises(MissingError, match=r"/NCT-CRC-HE-100K;"):
        NctCrcHe(nct_card(truth), tmp_path).ids("train")


def test_the_test_set_alone_can_be_read(tmp_path: Path) -> None:
    truth = write_nct(tmp_path, folders={"test": "CRC-VAL-HE-7K"})
    source = NctCrcHe(nct_card(truth), tmp_path)
    assert len(list(source.samples("test"))) == 10
    with pytest.raises(MissingError) as raised:
        verify(source)
    assert "train split" in raised.value.message
    assert str(tmp_path / "NCT-CRC-HE-100K") in raised.value.message
    assert "zenodo" in raised.value.fix


def test_published_counts_add_up_and_differences_are_errors(tmp_path: Path) -> None:
    for name in ("nct-crc-he", "nct-crc-he-nonorm"):
        expected = shipped_card(name).expected
        assert {split: sum(counts.labels.values()) for split, counts in expected.items()} == {
            "train": 100_000,
            "test": 7_180,
        }
    truth = write_nct(tmp_path)
    card = nct_card(truth)
    wrong = SplitCounts(tiles=10, labels={**card.expected["test"].labels, "TUM": 3})
    report = verify(NctCrcHe(card.model_copy(update={"expected": {"test": wrong}}), tmp_path))
    assert [(item.severity, item.file) for item in others(report)] == [("error", "test")]
    assert "2 TUM images instead of the published 3" in report.findings[0].message


def test_a_patch_named_after_another_class_is_a_warning(tmp_path: Path) -> None:
    truth = write_nct(tmp_path)
    name = next(name for name, item in truth["train"].items() if item.label == "ADI")
    folder = tmp_path / "NCT-CRC-HE-100K"
    (folder / "ADI" / f"{name}.tif").rename(folder / "TUM" / f"{name}.tif")
    found = NctCrcHe(nct_card(truth), tmp_path).layout_findings("train")
    assert [(item.severity, item.file) for item in found] == [("warning", f"NCT-CRC-HE-100K/TUM/{name}.tif")]
    assert "named ADI, but in the folder of TUM" in found[0].message
