"""Red and blue: what nuclei say about the order of channels."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.datasets.checks.channel_order import bgr_findings, darkening
from bench.datasets.readers.consep import CoNSeP
from bench.errors import DataError
from tests.bench.datasets.layouts import shipped_card
from tests.toy import NucleiDataset

ROOT = Path(os.environ.get("BENCH_DATA_ROOT") or Path(__file__).parents[5] / "shared" / "data")


def test_darkening_is_the_difference_of_means_over_all_pixels() -> None:
    samples = NucleiDataset(n_tiles=3).samples
    inside = np.concatenate([item.image[item.instances > 0] for item in samples]).mean(axis=0)
    outside = np.concatenate([item.image[item.instances == 0] for item in samples]).mean(axis=0)
    np.testing.assert_allclose(darkening(samples), outside - inside)


def test_t07_nuclei_that_darken_blue_more_than_red_are_reported() -> None:
    samples = NucleiDataset(n_tiles=40).samples
    swapped = [replace(item, image=item.image[..., ::-1]) for item in samples]
    assert bgr_findings(samples.__getitem__, len(samples), "images.npy") == []
    (found,) = bgr_findings(swapped.__getitem__, len(swapped), "images.npy")
    assert (found.severity, found.file) == ("warning", "images.npy")
    assert "swapped" in found.message


def test_a_few_samples_are_read_broken_ones_are_passed_over_and_none_is_no_evidence() -> None:
    sample = NucleiDataset(n_tiles=1).samples[0]
    read = []

    def reader(index: int):
        read.append(index)
        if index:
            raise DataError("expected more")
        return replace(sample, image=sample.image[..., ::-1])

    assert len(bgr_findings(reader, 1000, "x")) == 1
    assert len(read) <= 32
    assert read[-1] > 900
    assert darkening([]) is None
    assert darkening([replace(sample, instances=np.zeros_like(sample.instances))]) is None
    assert bgr_findings(pytest.fail, 0, "x") == []


@pytest.mark.skipif(not (ROOT / "consep" / "Train").is_dir(), reason=f"no CoNSeP under {ROOT}")
def test_t07_nuclei_of_real_tissue_tell_where_the_mean_colour_does_not() -> None:
    source = CoNSeP(shipped_card("consep"), ROOT)
    samples = [source.read("test", index) for index in range(0, 14, 3)]
    red, _, blue = np.mean([item.image.mean(axis=(0, 1)) for item in samples], axis=0)
    assert blue > red
    for sample in samples:
        darker = darkening([sample])
        assert darker is not None
        assert darker[0] > 1.4 * darker[2]
