"""Scores of folders of nuclei: against slow references, whatever the format, and with nothing to see."""

from __future__ import annotations

import numpy as np
import pytest

from bench.errors import DataError
from bench.scoring.nuclei import score_nuclei
from bench.scoring.nuclei_report import NucleiReport
from bench.scoring.pairing import pair_labels
from metrics.multiclass import (
    class_counts,
    count_r2,
    mean_count_r2,
    mpq_of_images,
    mpq_plus,
    pq_of_classes,
    pq_of_present,
)
from metrics.overlap import overlap
from tests.bench.formats.labels import formats
from tests.reference import instances as slow
from tests.reference import types as slow_types
from tests.toy_maps import pair, typed

N_CLASSES = 3
OF_CLASS = ("f_type", "pq_class", "r2_class")


def images(n=6):
    """Return (true ids, true types, predicted ids, predicted types) of some images, most classes predicted rightly."""
    found = []
    for seed in range(n):
        rng = np.random.default_rng(seed)
        true, pred = pair(seed, size=120, n=30)
        painted = np.append(0, typed(rng, true, N_CLASSES))
        of_true = painted[1:]
        names = np.unique(true, return_inverse=True)[1].reshape(true.shape)
        of_pred = [np.bincount(painted[names[pred == i]], minlength=2)[1:].argmax() + 1 for i in np.unique(pred)[1:]]
        of_pred = np.where(rng.random(len(of_pred)) < 0.2, rng.integers(1, N_CLASSES + 1, len(of_pred)), of_pred)
        found.append((true, of_true, pred, of_pred))
    return found


IMAGES = images()


def write(folder, sets, true_writer=formats.consep, pred_writer=formats.hovernet):
    for index, (true, of_true, pred, of_pred) in enumerate(sets):
        formats.write(folder / "true", f"tile_{index}", true_writer, true, of_true)
        formats.write(folder / "pred", f"tile_{index}", pred_writer, pred, of_pred)
    return pair_labels(folder / "true", folder / "pred")


def score(pairs, groups=None, **options) -> NucleiReport:
    return score_nuclei(pairs, groups or [p.stem for p in pairs], **{"mpp": 0.25} | options)


def test_scores_are_those_of_slow_references(tmp_path) -> None:
    found = score(write(tmp_path, IMAGES)).metrics
    expected = np.mean([slow.panoptic(true, pred)[:3] for true, _, pred, _ in IMAGES], axis=0)
    np.testing.assert_allclose([found.dq, found.sq, found.pq], expected, atol=1e-9)
    assert found.dice == pytest.approx(np.mean([slow.dice(true, pred) for true, _, pred, _ in IMAGES]))
    assert found.aji == pytest.approx(np.mean([slow.aji(true, pred) for true, _, pred, _ in IMAGES]))
    nuclei = [(slow.centroids(t), tt, slow.centroids(p), pt) for t, tt, p, pt in IMAGES]
    pooled = slow_types.pooled(nuclei, radius=12)
    np.testing.assert_allclose(
        [found.f_d, found.precision, found.recall, found.acc], slow_types.detection(*pooled), atol=1e-12
    )
    assert sorted(found.f_type) == ["1", "2", "3"]
    for c in range(1, N_CLASSES + 1):
        assert found.f_type[str(c)] == pytest.approx(slow_types.of_class(c, *pooled)[0])


@pytest.mark.parametrize("writer", formats.TYPED)
def test_the_format_changes_nothing(tmp_path, writer) -> None:
    expected = score(write(tmp_path / "one", IMAGES))
    found = score(write(tmp_path / "other", IMAGES, pred_writer=writer))
    # warnings name files
    assert len(found.warnings) == len(expected.warnings)
    assert found.model_copy(update={"warnings": []}) == expected.model_copy(update={"warnings": []})


def test_the_matching_radius_is_in_micrometres(tmp_path) -> None:
    true = np.zeros((60, 60), np.int32)
    true[10:20, 10:20] = 1
    pairs = write(tmp_path, [(true, [1], np.roll(true, 9, axis=1), [1])])
    # 9 px are 2.25 micrometres at 0.25 a pixel and 4.5 at 0.5: within 3 and beyond
    assert score(pairs, mpp=0.25).metrics.f_d == 1
    assert score(pairs, mpp=0.5).metrics.f_d == 0


def test_empty_images_are_left_out_and_counted(tmp_path) -> None:
    blank, nothing = np.zeros_like(IMAGES[0][0]), np.zeros(0, np.int64)
    true, of_true = IMAGES[0][:2]
    report = score(write(tmp_path, [*IMAGES, (blank, nothing, blank, nothing), (true, of_true, blank, nothing)]))
    without = score(write(tmp_path / "without", IMAGES))
    assert report.skipped.both_empty == 1
    assert report.skipped.one_empty_hd95 == 1
    # the missed image counts 0 among seven; the empty one does not count
    assert report.metrics.pq == pytest.approx(without.metrics.pq * 6 / 7)
    diagonal = np.hypot(*true.shape)
    assert report.metrics.hd95 == pytest.approx((without.metrics.hd95 * 6 + diagonal) / 7)
    assert report.metrics.recall < without.metrics.recall
    assert report.per_image[6].dice is None
    assert report.per_image[7].dice == 0


def test_nothing_anywhere_is_null_not_nan(tmp_path) -> None:
    blank, nothing = np.zeros((20, 20), np.int32), np.zeros(0, np.int64)
    report = score(write(tmp_path, [(blank, nothing, blank, nothing)] * 3))
    values = report.metrics.model_dump()
    assert [values.pop(name) for name in OF_CLASS] == [{}, {}, {}]
    assert set(values.values()) == {None}
    assert "NaN" not in report.model_dump_json()


@pytest.mark.parametrize("writer", formats.UNTYPED)
def test_predictions_without_classes_have_no_type_scores(tmp_path, writer) -> None:
    expected = score(write(tmp_path / "typed", IMAGES)).metrics
    report = score(write(tmp_path, IMAGES, pred_writer=writer))
    for name in ("acc", "mpq", "mpq_plus", "r2"):
        assert getattr(report.metrics, name) is None
    for name in OF_CLASS:
        assert getattr(report.metrics, name) == dict.fromkeys("123")
    assert report.ci.acc is None
    assert report.skipped.untyped_pred == len(IMAGES)
    for name in ("pq", "f_d", "precision", "recall", "bpq"):
        assert getattr(report.metrics, name) == getattr(expected, name)


def test_where_some_have_classes_types_are_scored_on_these(tmp_path) -> None:
    pairs = write(tmp_path, IMAGES[:3])
    alone = score(pairs).metrics
    for index, image in enumerate(IMAGES[3:], start=3):
        formats.write(tmp_path / "true", f"tile_{index}", formats.consep, *image[:2])
        formats.write(tmp_path / "pred", f"tile_{index}", formats.png, image[2])
    report = score(pair_labels(tmp_path / "true", tmp_path / "pred"))
    assert report.metrics.acc == alone.acc
    assert report.metrics.f_type == alone.f_type
    assert report.metrics.f_d != alone.f_d
    assert [image.typed for image in report.per_image] == [True] * 3 + [False] * 3


def test_scores_of_pannuke_and_conic_are_those_of_runs(tmp_path) -> None:
    found = score(write(tmp_path, IMAGES)).metrics
    counts = np.stack([class_counts(overlap(t, p), tt, pt, 3) for t, tt, p, pt in IMAGES])
    binary = np.stack([class_counts(overlap(t, p), 1 + 0 * tt, 1 + 0 * pt, 1)[0] for t, tt, p, pt in IMAGES])
    true, pred = counts[..., 0] + counts[..., 2], counts[..., 0] + counts[..., 1]
    assert found.bpq == pytest.approx(np.nanmean(pq_of_present(binary)))
    assert found.mpq == pytest.approx(np.nanmean(mpq_of_images(counts)))
    assert found.mpq_plus == pytest.approx(mpq_plus(counts.sum(axis=0)))
    assert list(found.pq_class.values()) == pytest.approx(pq_of_classes(counts).tolist())
    assert list(found.r2_class.values()) == pytest.approx(count_r2(true, pred).tolist())
    assert found.r2 == pytest.approx(mean_count_r2(true, pred))


def test_intervals_hold_the_value_and_are_over_groups(tmp_path) -> None:
    pairs = write(tmp_path, IMAGES)
    report = score(pairs)
    values, ends = report.metrics.model_dump(), report.ci.model_dump()
    for name in values:
        if name not in OF_CLASS:
            assert ends[name][0] <= values[name] <= ends[name][1]
    assert all(0 <= low <= high <= 1 for low, high in ends["f_type"].values())
    assert score(pairs) == report
    grouped = score(pairs, groups=["a", "a", "b", "b", "c", "c"])
    assert grouped.metrics == report.metrics
    assert grouped.ci != report.ci
    assert score(pairs, groups=["a"] * 6).ci.pq is None


def test_classes_may_be_named(tmp_path) -> None:
    pairs = write(tmp_path, IMAGES)
    assert sorted(score(pairs, classes=("a", "b", "c", "d")).metrics.f_type) == ["1", "2", "3", "4"]
    assert score(pairs, classes=("a", "b", "c", "d")).metrics.f_type["4"] is None
    with pytest.raises(DataError, match=r"not in 1\.\.2.*class 3"):
        score(pairs, classes=("a", "b"))


def test_sizes_must_agree_and_true_nuclei_have_a_class(tmp_path) -> None:
    true, of_true, pred, of_pred = IMAGES[0]
    with pytest.raises(DataError, match="100 x 120 and 120 x 100") as caught:
        score(write(tmp_path / "size", [(true[:100], of_true, pred[:100].T, of_pred)], formats.png, formats.png))
    assert "tile_0.png" in str(caught.value)
    unclassed = np.append(0, of_true[1:])
    with pytest.raises(DataError, match=r"A true nucleus in .*tile_0\.npy.* has no class.*no class for 1 of"):
        score(write(tmp_path / "unclassed", [(true, unclassed, pred, of_pred)], formats.two_channels))
