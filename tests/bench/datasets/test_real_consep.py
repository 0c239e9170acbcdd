"""CoNSeP itself, where it is at hand beside the repository or under BENCH_DATA_ROOT."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from bench.datasets.checks.verify import verify
from bench.datasets.readers.consep import CoNSeP
from bench.formats.labels.canonical import centroids
from bench.formats.labels.mat import read_mat
from tests.bench.datasets.layouts import others, shipped_card

ROOT = Path(os.environ.get("BENCH_DATA_ROOT") or Path(__file__).parents[4] / "shared" / "data")
pytestmark = pytest.mark.skipif(not (ROOT / "consep" / "Train").is_dir(), reason=f"no CoNSeP under {ROOT}")


def test_known_facts_are_reported_and_nothing_is_an_error() -> None:
    report = verify(CoNSeP(shipped_card("consep"), ROOT))
    assert report.ok
    assert report.notes == {"classes_merged": "already"}
    assert list(report.splits["train"].nuclei.values()) == [371, 3941, 5537, 5706]
    assert list(report.splits["test"].nuclei.values()) == [561, 1638, 3214, 3364]
    assert [(item.severity, item.file) for item in others(report)] == [("warning", "train"), ("warning", "test")]
    assert all("spindle" in item.message for item in others(report))


def test_stored_centroids_are_the_maps_own_as_x_y() -> None:
    content = read_mat(ROOT / "consep" / "Test" / "Labels" / "test_3.mat")
    # stored ones were taken from contours: a pixel's tolerance
    assert np.abs(content.stored_centroids - centroids(content.labels.instances)).max() < 1.5
