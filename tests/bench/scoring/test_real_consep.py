"""CoNSeP's labels against themselves and against moved ones, where it is at hand."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from bench.formats.labels import read_labels
from bench.scoring.nuclei import score_nuclei
from bench.scoring.pairing import Pair

ROOT = Path(os.environ.get("BENCH_DATA_ROOT") or Path(__file__).parents[4] / "shared" / "data")
LABELS = ROOT / "consep" / "Test" / "Labels"
pytestmark = pytest.mark.skipif(not LABELS.is_dir(), reason=f"no CoNSeP under {ROOT}")


def score(pairs):
    return score_nuclei(pairs, [pair.stem for pair in pairs], mpp=0.25)


def test_labels_agree_with_themselves_and_less_with_moved_ones(tmp_path) -> None:
    paths = [LABELS / "test_1.mat", LABELS / "test_3.mat"]
    same = score([Pair(path.stem, path, path) for path in paths]).metrics.model_dump()
    assert same.pop("hd95") == 0
    for name in ("f_type", "pq_class", "r2_class"):
        assert set(same.pop(name).values()) <= {1.0, None}
    assert set(same.values()) == {1.0}
    for path in paths:
        labels = read_labels(path)
        moved = np.roll(labels.instances, 3, axis=1)
        present = np.unique(moved)[1:]
        types = labels.types[present - 1][:, None]
        savemat(tmp_path / path.name, {"inst_map": moved, "inst_uid": present[:, None], "inst_type": types})
    found = score([Pair(path.stem, path, tmp_path / path.name) for path in paths]).metrics
    assert 0.3 < found.pq < 0.7
    assert found.hd95 == pytest.approx(3, abs=0.1)
    assert found.acc > 0.98
