"""Scores of the tissue track agree with scikit-learn on the pooled test set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.contract import Prediction, Sample
from bench.errors import DataError
from bench.evaluation.statistics import Statistics, write_statistics
from bench.evaluation.tissue import tissue_scores, tissue_statistics

LABELS = ("a", "b", "c")


@pytest.fixture
def pooled(tmp_path: Path) -> tuple[np.ndarray, np.ndarray, Statistics]:
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, 60)
    scores = rng.dirichlet(np.ones(3), 60).astype(np.float32)
    scores[np.arange(60), true] += 0.3
    image = np.zeros((2, 2, 3), np.uint8)
    samples = [Sample(f"s{i}", image, f"g{i % 7}", 0.5, label=int(label)) for i, label in enumerate(true)]
    rows = [
        {"id": s.id, "group": s.group, **tissue_statistics(s, Prediction(scores=row), 3)}
        for s, row in zip(samples, scores, strict=True)
    ]
    write_statistics(tmp_path, rows)
    return true, scores, Statistics(tmp_path)


def test_every_score_is_that_of_the_reference(pooled: tuple[np.ndarray, np.ndarray, Statistics]) -> None:
    from sklearn.metrics import accuracy_score, f1_score, recall_score, roc_auc_score

    true, scores, statistics = pooled
    seen = scores.argmax(axis=1)
    found = {}
    for score in tissue_scores(LABELS):
        sums = score.read(statistics).sum(axis=0)
        found[score.metric, score.class_] = (
            score.whole(statistics) if score.whole is not None else float(score.statistic(sums))
        )
    assert found["accuracy", ""] == pytest.approx(accuracy_score(true, seen))
    assert found["f1_macro", ""] == pytest.approx(f1_score(true, seen, average="macro"))
    assert found["sensitivity_macro", ""] == pytest.approx(recall_score(true, seen, average="macro"))
    assert found["sensitivity_weighted", ""] == pytest.approx(accuracy_score(true, seen))
    assert found["f1_class", "b"] == pytest.approx(f1_score(true, seen, average=None)[1])
    areas = [roc_auc_score(true == c, scores[:, c]) for c in range(3)]
    assert found["auroc", ""] == pytest.approx(np.mean(areas), abs=1e-6)
    assert found["auroc_class", "c"] == pytest.approx(areas[2], abs=1e-6)


def test_every_metric_of_classes_is_reported() -> None:
    from metrics.table import METRICS

    wanted = {name for name, entry in METRICS.items() if entry.group == "images"}
    assert {score.metric for score in tissue_scores(LABELS)} == wanted


def test_a_network_without_probabilities_is_refused() -> None:
    sample = Sample("s", np.zeros((2, 2, 3), np.uint8), "g", 0.5, label=0)
    with pytest.raises(DataError, match="class in truth and prediction"):
        tissue_statistics(sample, Prediction(), 3)
