"""Image classes from two tables: scores against scikit-learn, and every way of not fitting together."""

from __future__ import annotations

import numpy as np
import pytest

from bench.errors import DataError
from bench.scoring.class_tables import load_predictions
from bench.scoring.classes import score_predictions

NAMES = ("ADI", "STR", "TUM")
N = 120


def draw():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, N)
    scores = rng.random((N, 3)) + 0.5 * np.eye(3)[true]
    return true, scores / scores.sum(axis=1, keepdims=True)


TRUE, SCORES = draw()


def write(tmp_path, name, header, rows):
    path = tmp_path / f"{name}.csv"
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def truth(tmp_path, groups=False):
    rows = [(f"i{i}", NAMES[c], *([f"slide {i // 10}"] if groups else [])) for i, c in enumerate(TRUE)]
    return write(tmp_path, "true", "id,label" + (",group" if groups else ""), rows)


def scored(tmp_path):
    order = np.random.default_rng(1).permutation(N)  # of rows, and TUM first of columns: neither is to matter
    return write(tmp_path, "scores", "id,TUM,ADI,STR", [(f"i{i}", *SCORES[i][[2, 0, 1]]) for i in order])


def test_scores_are_scikit_learns(tmp_path) -> None:
    from sklearn import metrics as sk

    found = score_predictions(load_predictions(truth(tmp_path), scored(tmp_path)))
    pred = SCORES.argmax(axis=1)
    assert found.classes == list(NAMES)
    assert found.accuracy == pytest.approx(sk.accuracy_score(TRUE, pred))
    assert found.confusion == sk.confusion_matrix(TRUE, pred).tolist()
    for average in ("macro", "weighted"):
        assert getattr(found, f"f1_{average}") == pytest.approx(sk.f1_score(TRUE, pred, average=average))
        assert getattr(found, f"sensitivity_{average}") == pytest.approx(sk.recall_score(TRUE, pred, average=average))
    assert found.auroc == pytest.approx(sk.roc_auc_score(TRUE, SCORES, multi_class="ovr"))
    f1 = sk.f1_score(TRUE, pred, average=None)
    for index, name in enumerate(NAMES):
        assert found.per_class[name].f1 == pytest.approx(f1[index])
        assert found.per_class[name].auroc == pytest.approx(sk.roc_auc_score(index == TRUE, SCORES[:, index]))
        rest = sk.recall_score(index != TRUE, pred != index)
        assert found.per_class[name].specificity == pytest.approx(rest)


def test_labels_alone_have_no_auroc_and_beside_scores_they_decide(tmp_path) -> None:
    from sklearn import metrics as sk

    labels = write(tmp_path, "labels", "id,label", [(f"i{i}", NAMES[c]) for i, c in enumerate(TRUE)])
    found = score_predictions(load_predictions(truth(tmp_path), labels))
    assert (found.accuracy, found.auroc, found.per_class["ADI"].auroc) == (1, None, None)
    rows = [(f"i{i}", "ADI", *SCORES[i]) for i in range(N)]
    both = write(tmp_path, "both", "id,label,ADI,STR,TUM", rows)
    found = score_predictions(load_predictions(truth(tmp_path), both))
    assert found.accuracy == pytest.approx((TRUE == 0).mean())
    assert found.auroc == pytest.approx(sk.roc_auc_score(TRUE, SCORES, multi_class="ovr"))


def test_intervals_resample_groups(tmp_path) -> None:
    alone = score_predictions(load_predictions(truth(tmp_path), scored(tmp_path)))
    grouped = score_predictions(load_predictions(truth(tmp_path, groups=True), scored(tmp_path)))
    assert (alone.n_groups, grouped.n_groups) == (N, 12)
    assert grouped.accuracy == alone.accuracy
    assert grouped.ci != alone.ci
    low, high = grouped.ci.accuracy
    assert 0 <= low < grouped.accuracy < high <= 1


def test_numbers_are_ordered_as_numbers_and_classes_may_be_named(tmp_path) -> None:
    true = write(tmp_path, "t", "id,label", [("a", 10), ("b", 9), ("c", 10)])
    pred = write(tmp_path, "p", "id,label", [("a", 10), ("b", 11), ("c", 10)])
    assert load_predictions(true, true).classes == ("9", "10")
    with pytest.raises(DataError, match=r"p\.csv has a label other than 9, 10; got: '11' \(b\).*--classes"):
        load_predictions(true, pred)
    found = score_predictions(load_predictions(true, pred, ("9", "10", "11")))
    assert found.confusion == [[0, 0, 1], [0, 2, 0], [0, 0, 0]]
    assert found.per_class["11"].sensitivity is None


@pytest.mark.parametrize(
    ("header", "rows", "said"),
    [
        ("id,label", [("a", "x")], r"1 only in .*t\.csv: b"),
        ("id,label", [("a", "x"), ("b", "y"), ("c", "y")], r"1 only in .*p\.csv: c"),
        ("id,label", [("a", "x"), ("b", "z")], "a label other than x, y"),
        ("id", [("a",), ("b",)], "neither a column label nor a column of scores per class"),
        ("id,x", [("a", 1), ("b", 0)], "each of the classes x, y; got: no column y"),
        ("id,x,y,fold", [("a", 1, 0, 3), ("b", 0, 1, 4)], "not scores of the classes x, y; got: 'fold'"),
        ("id,confidence,y,x", [("a", 97, 1, 0), ("b", 88, 0, 1)], "got: 'confidence'.*--classes"),
        ("id,label,fold", [("a", "x", 1), ("b", "y", 2)], "got: 'fold'"),
        (",id,x,y", [(0, "a", 1, 0), (1, "b", 0, 1)], r"got: a column without a name.*index=False"),
        ("id,x,y,z", [("a", 1, 0, 0), ("b", 0, 1, 0)], "got: 'z'.*no image, give all classes with --classes"),
        ("id,x,Y", [("a", 1, 0), ("b", 0, 1)], "differ only in how they are written; got: 'y' and 'Y'"),
        ("id,label", [("a", "x"), ("b", "")], r"p\.csv does not have a label for every image.*1 rows: 2 \(b\)"),
        ("id,label", [("a", "x"), ("a", "y"), ("b", "y")], "does not have each id once; got: 'a' again in row 2"),
        ("id,x,y", [("a", 1, 0), ("b", "inf", 1)], "not a finite number"),
        ("id,x,y", [("a", 1, 0), ("b", "nan", 1)], "not a finite number.*'nan' for b, column x"),
        ("id,x,y", [("a", 1, 0), ("b", "high", 1)], "'high'"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, header, rows, said) -> None:
    true = write(tmp_path, "t", "id,label", [("a", "x"), ("b", "y")])
    with pytest.raises(DataError, match=f"(?s){said}") as caught:
        load_predictions(true, write(tmp_path, "p", header, rows))
    assert caught.value.fix


@pytest.mark.parametrize("blank", ["", "  ", "nan", "NaN"])
def test_a_blank_label_of_the_truth_is_no_class(tmp_path, blank) -> None:
    true = write(tmp_path, "t", "id,label", [("a", "x"), ("b", blank), ("c", "y"), ("d", blank)])
    pred = write(tmp_path, "p", "id,x,y", [(name, 1, 0) for name in "abcd"])
    with pytest.raises(DataError, match=r"t\.csv does not have a label.*no label in 2 rows: 2 \(b\), 4 \(d\)"):
        load_predictions(true, pred)


@pytest.mark.parametrize(
    ("one", "other"), [("tumour", "Tumour"), ("1", "1.0"), ("a b", "a  b"), ("e\u0301", "\u00e9"), ("01", "1")]
)
def test_one_class_in_two_spellings_is_not_two_classes(tmp_path, one, other) -> None:
    true = write(tmp_path, "t", "id,label", [("a", one), ("b", other), ("c", "y")])
    with pytest.raises(DataError, match="differ only in how they are written"):
        load_predictions(true, true)


def test_columns_of_classes_that_do_not_occur_need_their_names(tmp_path) -> None:
    true = write(tmp_path, "t", "id,label", [("a", "x"), ("b", "y")])
    pred = write(tmp_path, "p", "id,z,y,x", [("a", 0, 0.1, 0.9), ("b", 0.5, 0.3, 0.2)])
    found = load_predictions(true, pred, ("x", "y", "z"))
    assert found.pred.tolist() == [0, 2]
    assert found.scores.tolist() == [[0.9, 0.1, 0], [0.2, 0.3, 0.5]]


def test_a_group_is_given_to_all_or_none(tmp_path) -> None:
    true = write(tmp_path, "t", "id,label,group", [("a", "x", "s"), ("b", "y", "")])
    with pytest.raises(DataError, match="no group for b"):
        load_predictions(true, write(tmp_path, "p", "id,label", [("a", "x"), ("b", "y")]))
