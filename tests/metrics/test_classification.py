"""Classification scores against the published toy, scikit-learn, imbalanced-learn and torchmetrics."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import DataError
from metrics.classification import accuracy, auroc, auroc_by_class, by_class, f1, one_hot_confusion, score_classes


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


DRAWS = "300 images of 5 classes"


@pytest.mark.parametrize("seed", range(3))
def test_equals_scikit_learn_and_torchmetrics(agree, seed):
    from imblearn.metrics import specificity_score
    from sklearn import metrics as sk
    from torchmetrics.functional.classification import multiclass_auroc, multiclass_specificity

    rng = np.random.default_rng(seed)
    true = rng.integers(0, 5, 300)
    scores = rng.dirichlet(np.ones(5), 300) + 0.4 * np.eye(5)[true]
    scores /= scores.sum(axis=1, keepdims=True)
    pred = scores.argmax(axis=1)
    found = score_classes(true, pred, 5, scores=scores)
    learn = {"reference": "scikit-learn", "inputs": DRAWS, "bound": 1e-9}
    agree("accuracy", found.accuracy, sk.accuracy_score(true, pred), function="accuracy_score", **learn)
    for average in ("macro", "weighted"):
        ours = {name: getattr(found, f"{name}_{average}") for name in ("f1", "sensitivity", "specificity")}
        theirs = sk.f1_score(true, pred, average=average)
        agree(f"f1_{average}", ours["f1"], theirs, function="f1_score", **learn)
        theirs = sk.recall_score(true, pred, average=average)
        agree(f"sensitivity_{average}", ours["sensitivity"], theirs, function="recall_score", **learn)
        about = learn | {"reference": "imbalanced-learn", "function": "specificity_score"}
        theirs = specificity_score(true, pred, average=average)
        agree(f"specificity_{average}", ours["specificity"], theirs, **about)
    tensors = torch.from_numpy(pred), torch.from_numpy(true)
    torch_ = {"reference": "torchmetrics", "inputs": DRAWS, "bound": 1e-6}
    theirs = float(multiclass_specificity(*tensors, num_classes=5, average="macro"))
    agree("specificity_macro", found.specificity_macro, theirs, function="multiclass_specificity", **torch_)
    theirs = sk.roc_auc_score(true, scores, multi_class="ovr")
    agree("auroc", found.auroc, theirs, function="roc_auc_score", **learn)
    theirs = float(multiclass_auroc(torch.from_numpy(scores), tensors[1], num_classes=5))
    agree("auroc", found.auroc, theirs, function="multiclass_auroc", **torch_)
    one_by_one = dict(zip(("f1", "sensitivity", "specificity"), by_class(found.confusion.ravel()), strict=True))
    agree("f1_class", one_by_one["f1"], sk.f1_score(true, pred, average=None), function="f1_score", **learn)
    theirs = sk.recall_score(true, pred, average=None)
    agree("sensitivity_class", one_by_one["sensitivity"], theirs, function="recall_score", **learn)
    about = learn | {"reference": "imbalanced-learn", "function": "specificity_score"}
    agree("specificity_class", one_by_one["specificity"], specificity_score(true, pred, average=None), **about)
    theirs = multiclass_auroc(torch.from_numpy(scores), tensors[1], num_classes=5, average=None).numpy()
    agree("auroc_class", auroc_by_class(true, scores), theirs, function="multiclass_auroc", **torch_)
    assert np.array_equal(found.confusion, sk.confusion_matrix(true, pred))
    assert found.sensitivity_weighted == pytest.approx(found.accuracy)


@given(st.integers(0, 1000), st.integers(1, 40))
def test_batches_and_order_do_not_matter(seed, cut):
    rng = np.random.default_rng(seed)
    true, pred = rng.integers(0, 4, 40), rng.integers(0, 4, 40)
    rows = one_hot_confusion(true, pred, 4)
    for average in ("macro", "weighted"):
        whole = getattr(score_classes(true, pred, 4), f"f1_{average}")
        assert f1(average)(rows[:cut].sum(axis=0) + rows[cut:].sum(axis=0)) == pytest.approx(whole)
        assert f1(average)(rng.permutation(rows).sum(axis=0)) == pytest.approx(whole)


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
