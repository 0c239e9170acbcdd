"""Classification scores against the published toy, scikit-learn and torchmetrics."""

import numpy as np
import pytest
import torch
from sklearn import metrics as sk
from torchmetrics.functional.classification import multiclass_auroc, multiclass_specificity

from bench.errors import DataError
from metrics.classification import accuracy, auroc, f1, one_hot_confusion, score_classes


def test_published_toy():
    found = score_classes(np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 0]), 3)
    expected = {
        "accuracy": 2 / 3,
        "sensitivity_macro": 0.555556,
        "sensitivity_weighted": 2 / 3,
        "specificity_macro": 0.805556,
        "specificity_weighted": 0.75,
        "f1_macro": 0.488889,
        "f1_weighted": 0.6,
    }
    assert {name: getattr(found, name) for name in expected} == pytest.approx(expected, abs=1e-6)
    assert np.isnan(found.auroc)


@pytest.mark.parametrize("seed", range(3))
def test_equals_scikit_learn_and_torchmetrics(seed):
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 5, 300)
    scores = rng.dirichlet(np.ones(5), 300) + 0.4 * np.eye(5)[true]
    scores /= scores.sum(axis=1, keepdims=True)
    pred = scores.argmax(axis=1)
    found = score_classes(true, pred, 5, scores=scores)
    for average in ("macro", "weighted"):
        assert getattr(found, f"f1_{average}") == pytest.approx(sk.f1_score(true, pred, average=average))
        recall = sk.recall_score(true, pred, average=average)
        assert getattr(found, f"sensitivity_{average}") == pytest.approx(recall)
    tensors = torch.from_numpy(pred), torch.from_numpy(true)
    specificity = float(multiclass_specificity(*tensors, num_classes=5, average="macro"))
    assert found.specificity_macro == pytest.approx(specificity, abs=1e-6)
    assert found.auroc == pytest.approx(sk.roc_auc_score(true, scores, multi_class="ovr"))
    area = float(multiclass_auroc(torch.from_numpy(scores), tensors[1], num_classes=5))
    assert found.auroc == pytest.approx(area, abs=1e-6)
    assert np.array_equal(found.confusion, sk.confusion_matrix(true, pred))
    assert found.sensitivity_weighted == pytest.approx(found.accuracy)


def test_statistics_resample():
    true, pred = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])
    statistics = one_hot_confusion(true, pred, 3)
    weights = np.array([[1, 1, 1, 1], [2, 0, 2, 0], [0, 4, 0, 0]])
    assert accuracy(weights @ statistics).tolist() == [0.75, 1, 0]
    assert f1("macro")(weights @ statistics)[1] == 1


def test_a_class_absent_from_the_truth_is_left_out():
    found = score_classes(np.array([0, 0, 1]), np.array([0, 0, 1]), 4)
    assert (found.f1_macro, found.sensitivity_macro, found.specificity_macro) == (1, 1, 1)
    assert np.isnan(auroc(np.zeros(3, int), np.ones((3, 2))))


@pytest.mark.parametrize(
    ("true", "pred"),
    [(np.array([0, 3]), np.array([0, 1])), (np.array([0]), np.array([0, 1])), (np.array([]), np.array([]))],
)
def test_refuses(true, pred):
    with pytest.raises(DataError, match="class"):
        score_classes(true.astype(int), pred, 3)
