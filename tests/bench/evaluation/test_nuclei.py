"""Statistics of images: each is what the metric's own function gives, and sums of them give the whole set's score."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from bench.contract import Prediction, Sample
from bench.errors import DataError
from bench.evaluation.ignored import without_ignored
from bench.evaluation.nuclei import IMAGE_VALUES, NO_TISSUE, POOLED, image_statistics, nuclei_scores
from bench.evaluation.statistics import Statistics, write_statistics
from metrics.instances import score_instances
from metrics.multiclass import class_counts, count_r2, mean_by_tissue, mpq_of_images, mpq_plus
from metrics.overlap import overlap
from metrics.surface import hausdorff
from metrics.table import METRICS
from metrics.types import matching_radius, type_counts, type_scores
from tests import toy


def pairs(n: int = 8, tissues: tuple[str | None, ...] = ("colon", "breast", None)) -> list[tuple[Sample, Prediction]]:
    """Discs, and as predictions the discs moved by two pixels with some lost and some of another class."""
    made = []
    for index, sample in enumerate(toy.NucleiDataset(n_tiles=n, size=72).samples):
        rng = np.random.default_rng(index)
        keep = np.concatenate([[False], rng.random(len(sample.types)) < 0.8])
        table = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
        types = sample.types[keep[1:]].copy()
        types[rng.random(len(types)) < 0.2] = 0
        types[rng.random(len(types)) < 0.2] = 1
        moved = np.roll(table[sample.instances], 2, axis=0)
        left = np.unique(moved)[1:]
        moved = np.searchsorted(left, moved, side="left").astype(np.int32) + (moved > 0).astype(np.int32)
        prediction = Prediction(moved * (moved > 0), types[left - 1])
        made.append((dataclasses.replace(sample, tissue=tissues[index % len(tissues)]), prediction))
    return made


def statistics(folder: Path, images: list[tuple[Sample, Prediction]]) -> Statistics:
    rows = [image_statistics(*image, len(toy.CLASSES)) for image in images]
    named = [{"id": sample.id, "group": sample.group, **row} for (sample, _), row in zip(images, rows, strict=True)]
    write_statistics(folder, named)
    return Statistics(folder)


def values(read: Statistics) -> dict[tuple[str, str], float]:
    found = {}
    for score in nuclei_scores(toy.CLASSES):
        found[score.metric, score.class_] = float(score.statistic(score.read(read).sum(axis=0)))
    return found


def test_values_of_images_are_those_of_the_metrics(tmp_path: Path) -> None:
    images = pairs()
    read = statistics(tmp_path, images)
    for index, (sample, prediction) in enumerate(images):
        scores = score_instances(sample.instances, prediction.instances)
        for name in (*IMAGE_VALUES, *POOLED):
            assert read.numbers(name)[index] == getattr(scores, name)
        masks = sample.instances > 0, prediction.instances > 0
        assert read.numbers("hd95")[index] == hausdorff(*masks).value
        assert read.numbers("hd95_concatenated")[index] == hausdorff(*masks, definition="concatenated").value
    assert 0.2 < np.nanmean(read.numbers("pq")) < 0.9


def test_scores_are_those_of_the_whole_set(tmp_path: Path) -> None:
    images = pairs()
    found = values(statistics(tmp_path, images))
    n = len(toy.CLASSES)
    counts = np.stack([class_counts(overlap(s.instances, p.instances), s.types, p.types, n) for s, p in images])
    mpq = mpq_of_images(counts)
    assert found["mpq/image", ""] == pytest.approx(np.nanmean(mpq))
    assert found["mpq_plus", ""] == pytest.approx(mpq_plus(counts.sum(axis=0)))
    known = [i for i, (sample, _) in enumerate(images) if sample.tissue]
    by_tissue = mean_by_tissue(mpq[known], [images[i][0].tissue for i in known])
    assert found["mpq/tissue", ""] == pytest.approx(by_tissue.value)
    true, pred = (
        np.stack([np.bincount(t, minlength=n + 1)[1:] for t in side])
        for side in ([s.types for s, _ in images], [p.types for _, p in images])
    )
    of_types = sum(
        type_counts(s.instances, s.types, p.instances, p.types, n_classes=n, radius_px=matching_radius(s.mpp))
        for s, p in images
    )
    scores, paper = type_scores(of_types), type_scores(of_types, "paper")
    for index, name in enumerate(toy.CLASSES):
        assert found["count_r2", name] == pytest.approx(count_r2(true, pred)[index], nan_ok=True)
        assert found["f_type", name] == pytest.approx(scores.f_type[index], nan_ok=True)
        assert found["f_type_paper", name] == pytest.approx(paper.f_type[index], nan_ok=True)
        assert found["precision_type", name] == pytest.approx(scores.precision_type[index], nan_ok=True)
        assert found["recall_type", name] == pytest.approx(scores.recall_type[index], nan_ok=True)
    assert found["f_d", ""] == pytest.approx(scores.f_d)
    assert len({round(value, 6) for value in found.values() if value == value}) > 20


def test_no_score_of_nuclei_is_forgotten() -> None:
    listed = {score.metric: score.class_ for score in nuclei_scores(toy.CLASSES)}
    table = {name: metric for name, metric in METRICS.items() if metric.group in ("instances", "types")}
    assert set(listed) == set(table)
    assert all(bool(listed[name]) == metric.per_class for name, metric in table.items())


def test_empty_images_are_left_out_and_counted(tmp_path: Path) -> None:
    images = pairs(3)
    nothing = Prediction(np.zeros((72, 72), np.int32), np.zeros(0, np.uint8))
    blank = dataclasses.replace(images[0][0], instances=nothing.instances, types=nothing.types)
    read = statistics(tmp_path, [*images, (blank, nothing), (blank, images[0][1]), (images[1][0], nothing)])
    scores = {score.metric: score for score in nuclei_scores(toy.CLASSES)}
    assert scores["pq/image"].skipped(read) == 1
    assert scores["bpq/image"].skipped(read) == 2
    assert scores["pq/pooled"].skipped(read) is None
    assert scores["hd95/image"].remark(read).startswith("2 images")
    assert read.numbers("hd95")[4] == pytest.approx(np.hypot(72, 72))
    assert np.isfinite(scores["pq/image"].read(read)).all()


def test_pixels_are_those_before_nuclei_are_separated(tmp_path: Path) -> None:
    """A speck that became no nucleus counts; empty images are left out, or count as 0 as in CellViT's code."""
    (sample, prediction), *_ = images = pairs(2)
    assert sample.instances is not None
    foreground = prediction.instances > 0
    foreground[:3, :3] = True
    nothing = Prediction(np.zeros((72, 72), np.int32), np.zeros(0, np.uint8))
    blank = dataclasses.replace(sample, instances=nothing.instances, types=nothing.types)
    seen = dataclasses.replace(prediction, foreground=foreground)
    read = statistics(tmp_path, [(sample, seen), (blank, nothing), images[1]])
    dice = 2 * (foreground & (sample.instances > 0)).sum() / (foreground.sum() + (sample.instances > 0).sum())
    np.testing.assert_allclose(read.numbers("dice_pixels"), [dice, np.nan, read.numbers("dice")[2]])
    np.testing.assert_allclose(read.numbers("jaccard_pixels")[0], dice / (2 - dice))
    np.testing.assert_allclose(read.numbers("dice_pixels_cellvit"), [dice, 0, read.numbers("dice")[2]])
    assert dice != read.numbers("dice")[0]


def test_ignored_pixels_count_nowhere() -> None:
    sample, prediction = pairs(1)[0]
    ignore = np.zeros((72, 72), bool)
    ignore[:36] = True
    row = image_statistics(dataclasses.replace(sample, ignore=ignore), prediction, 4)
    kept, seen = (
        np.array([i for i in range(1, len(side.types) + 1) if ignore[side.instances == i].mean() <= 0.5])
        for side in (sample, prediction)
    )
    assert 0 < len(kept) < len(sample.types)
    np.testing.assert_array_equal(row["true_counts"], np.bincount(sample.types[kept - 1], minlength=5)[1:])
    masks = np.isin(sample.instances, kept) & ~ignore, np.isin(prediction.instances, seen) & ~ignore
    assert row["hd95"] == hausdorff(*masks).value
    tp, fp, fn, _ = row["types"][:4]
    assert (tp + fn, tp + fp) == (len(kept), len(seen))


def test_t19_predictions_in_ambiguous_regions_are_no_false_positives_in_any_metric() -> None:
    sample, _ = pairs(1)[0]
    ignore = np.zeros((72, 72), bool)
    ignore[40:, 20:50] = True
    touching = np.unique(sample.instances[ignore])
    # a truth that is clear of the region
    instances, types = without_ignored(
        sample.instances, sample.types, np.isin(sample.instances, touching[touching > 0])
    )
    found = instances.copy()
    found[37:60, 30:40] = np.where(instances[37:60, 30:40] > 0, instances[37:60, 30:40], len(types) + 1)  # juts out
    inside, perfect = Prediction(found, np.append(types, 2).astype(np.uint8)), Prediction(instances, types)
    assert (found[~ignore] == len(types) + 1).any()
    true = dataclasses.replace(sample, instances=instances, types=types, ignore=ignore)
    row = image_statistics(true, inside, 4)
    assert row == image_statistics(true, perfect, 4)
    assert (row["pq"], row["dice"], row["hd95"], row["types"][:3]) == (1.0, 1.0, 0.0, [len(types), 0, 0])
    counted = image_statistics(dataclasses.replace(true, ignore=None), inside, 4)
    assert (counted["fp"], counted["types"][1]) == (1, 1)
    assert counted["hd95"] > 0


def test_without_ignored_pixels_nothing_changes() -> None:
    sample, prediction = pairs(1)[0]
    nowhere = dataclasses.replace(sample, ignore=np.zeros((72, 72), bool))
    assert image_statistics(nowhere, prediction, 4) == image_statistics(sample, prediction, 4)
    assert without_ignored(sample.instances, sample.types, None)[0] is sample.instances
    everything = dataclasses.replace(sample, ignore=np.ones((72, 72), bool))
    row = image_statistics(everything, prediction, 4)
    assert np.isnan(row["pq"])
    assert not any(row["types"])
    with pytest.raises(DataError, match="of the map's size"):
        without_ignored(sample.instances, sample.types, np.ones((7, 72), bool))


def test_without_tissues_there_is_a_reason(tmp_path: Path) -> None:
    read = statistics(tmp_path, pairs(2, tissues=(None,)))
    (score,) = (score for score in nuclei_scores(toy.CLASSES) if score.metric == "mpq/tissue")
    assert score.missing(read) == NO_TISSUE


def test_a_class_of_constant_count_has_no_r2(tmp_path: Path) -> None:
    sample, prediction = pairs(1)[0]
    read = statistics(tmp_path, [(sample, prediction)] * 3)
    r2 = [value for (metric, _), value in values(read).items() if metric == "count_r2"]
    assert np.isnan(r2).all()
