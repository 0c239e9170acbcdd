"""The control `recompressed-real`: real images lie further from real ones after JPEG, and are no leak."""

from __future__ import annotations

import numpy as np
import pytest

from bench.results.table import ResultsStore
from bench.run.pipeline import run_request
from methods.controls import Copy, Noise, RecompressedReal
from metrics.encoders.random_convnet import RandomConvNet
from metrics.frechet import frechet_distance
from reports.board import CONTROLS
from reports.readable import NEEDED
from tests import toy
from tests.bench.conftest import request


def test_encoding_costs_distance_and_less_at_a_higher_quality() -> None:
    train, encoder = {"train": toy.NucleiDataset(8, 96)}, RandomConvNet(None, "cpu")

    def features(kind: type, **settings: int) -> np.ndarray:
        method = kind(kind.Config(patch_size=32, grid=4, **settings))
        conditions = list(method.plan(train, 60, np.random.default_rng(0)))
        return encoder.images(np.stack(list(method.render(conditions, train, {}, toy.Run()))))

    real = features(Copy)
    encoded = [frechet_distance(real, features(RecompressedReal, quality=q)).value for q in (95, 75, 50, 20)]
    assert 0 < encoded[0] < encoded[1] < encoded[2] < encoded[3] < frechet_distance(real, features(Noise)).value


def test_it_is_an_optional_control() -> None:
    assert "recompressed-real" in CONTROLS
    assert "recompressed-real" not in NEEDED


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_board_shows_it_between_copy_and_noise_and_as_no_leak(tmp_path) -> None:
    asked = request(tmp_path, method="recompressed-real", controls=("real-only", "copy", "noise"))
    outcome = run_request(asked)
    rows = ResultsStore(outcome.store).rows(outcome.run)
    scores = rows[rows["kind"] == "score"].set_index(["metric", "split", "method"])["value"].sort_index()
    fd = scores["fd@random-convnet", "train"]
    assert fd["copy"] < fd["recompressed-real"] < fd["noise"]
    for metric in ("auth_pct@random-convnet", "copy_rate@random-convnet"):
        assert scores[metric, "train"]["recompressed-real"] == scores[metric, "train"]["copy"]
    assert scores["test_copies", "test"]["recompressed-real"] == 0
