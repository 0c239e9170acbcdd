"""Pictures of predicted nuclei show what was predicted, and confusion counts what the scores count."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.contract import Prediction, Sample
from bench.engine.session import Session
from bench.evaluation.base import Measured
from bench.evaluation.nuclei import Nuclei, image_statistics
from bench.evaluation.pictures.nuclei import confused, confusion, confusion_matrices, pair, predictions
from bench.evaluation.predictions import Compared
from bench.evaluation.statistics import write_statistics
from bench.plan.arms import Arm
from bench.plan.seeds import Under
from bench.stages import trial
from bench.stages.predict import write_prediction
from methods.controls import Copy, RealOnly
from methods.patches import PatchSettings
from tests import toy
from tests.bench.conftest import finished
from tests.bench.evaluation.trials import Given, bench_of

TEST = toy.NucleiDataset(n_tiles=8, size=64, split="test")
OWN = Arm("mine", "", Copy(PatchSettings(patch_size=32)))
BASELINE = Arm("real-only", "", RealOnly(RealOnly.Config()))


def squares(*places: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Draw nuclei of 4 x 4 px at (y, x), each of a class."""
    instances = np.zeros((64, 64), np.int32)
    for number, (y, x, _) in enumerate(places, 1):
        instances[y : y + 4, x : x + 4] = number
    return instances, np.array([kind for *_, kind in places], np.uint8)


def case() -> tuple[Sample, Prediction]:
    """One nucleus right, two of class 2 taken for 3, one missed, one invented, one found without a class."""
    true = squares((0, 0, 1), (0, 20, 2), (0, 40, 2), (20, 0, 4), (40, 40, 3))
    found = squares((0, 1, 1), (1, 20, 3), (0, 40, 3), (50, 0, 2), (40, 40, 0))
    return Sample("t", np.zeros((64, 64, 3), np.uint8), "g", 0.5, *true), Prediction(*found)


def test_confusion_of_a_case_that_is_counted_by_hand() -> None:
    counts = confusion(pair(*case()), 5)
    expected = np.zeros((5, 5), int)
    expected[1, 1], expected[2, 3], expected[4, 0], expected[0, 2], expected[3, 0] = 1, 2, 1, 1, 1
    np.testing.assert_array_equal(counts, expected)


def test_ignored_nuclei_are_in_no_confusion() -> None:
    sample, prediction = case()
    ignore = np.zeros((64, 64), bool)
    ignore[:10, 15:50] = ignore[45:, :10] = True
    counts = confusion(pair(replace(sample, ignore=ignore), prediction), 5)
    assert counts[2].sum() == counts[0].sum() == 0
    assert counts.sum() == 3


def shifted(seed: int) -> Prediction:
    """Return the truth of a tile, a few pixels off, with some classes changed and some nuclei lost."""
    rng = np.random.default_rng(seed)
    truth = TEST[seed]
    instances = np.roll(truth.instances, 2, axis=0)
    lost = rng.random(len(truth.types)) < 0.2
    kept = np.flatnonzero(~lost)
    table = np.concatenate([[0], np.where(lost, 0, np.cumsum(~lost))]).astype(np.int32)
    types = np.where(rng.random(len(kept)) < 0.4, 3, truth.types[kept])
    return Prediction(table[instances], types.astype(np.uint8))


def test_confusion_agrees_with_the_counts_of_the_scores() -> None:
    for index in range(len(TEST)):
        counts = confusion(pair(TEST[index], shifted(index)), 5)
        scored = image_statistics(TEST[index], shifted(index), 4)["types"]
        pairs, invented, missed, equal = scored[:4]
        assert counts[1:, 1:].sum() == pairs
        assert (counts[0].sum(), counts[:, 0].sum(), np.trace(counts)) == (invented, missed, equal)
        np.testing.assert_array_equal(np.diag(counts)[1:], np.array(scored[4:]).reshape(4, 6)[:, 0])


@pytest.fixture
def measured(session: Session, tmp_path: Path) -> list[Measured]:
    """The baseline, which predicts the truth, and an arm that does not, both under two seeds."""
    frame = bench_of(session, {"train": TEST, "test": TEST}, OWN)
    return [
        measure(frame, BASELINE, tmp_path / "base", lambda index: Prediction(TEST[index].instances, TEST[index].types)),
        measure(frame, OWN, tmp_path / "own", shifted),
    ]


def measure(frame, arm: Arm, folder: Path, predict) -> Measured:
    evidence = []
    for seed in range(2):
        seen, scores = finished(folder / f"seen-{seed}"), finished(folder / f"scores-{seed}")
        rows = []
        for index in range(len(TEST)):
            write_prediction(seen.path / f"{index:05d}.npz", predict(index))
            rows.append({"id": str(index), "group": "g", "pq": index / 10})
        write_statistics(scores.path, rows)
        evidence.append(Compared(trial.Tested(Under(seed, seed), "hovernet", scores, seen), scores))
    return Measured(Given(frame, arm), [], evidence)


def test_predictions_are_next_to_the_truth_of_the_same_window(measured: list[Measured]) -> None:
    shown = list(predictions(measured))
    assert [one.column for one in shown] == ["truth", "real-only", "mine"] * 4
    rows = list(dict.fromkeys(one.row for one in shown))
    assert len(rows) == 4
    assert set(rows) <= set(TEST.ids)
    for truth, base, own in zip(shown[::3], shown[1::3], shown[2::3], strict=True):
        index = TEST.ids.index(truth.row)
        np.testing.assert_array_equal(truth.image, TEST[index].image)
        np.testing.assert_array_equal(base.labels.instances, truth.labels.instances)
        np.testing.assert_array_equal(own.labels.instances, shifted(index).instances)
        np.testing.assert_array_equal(own.labels.types, shifted(index).types)
        assert own.note == f"PQ of the tile .{index}0"
        assert f"{len(shifted(index).types)} nuclei" in own.alt


def test_rows_of_predictions_are_those_of_the_dataset(measured: list[Measured]) -> None:
    alone = [one.row for one in predictions(measured[:1])]
    assert list(dict.fromkeys(alone)) == list(dict.fromkeys(one.row for one in predictions(measured)))


def test_confused_nuclei_are_those_of_the_main_arm(measured: list[Measured]) -> None:
    shown = list(confused(measured))
    assert {one.column for one in shown} == {"mine"}
    counts = sum(confusion(pair(TEST[index], shifted(index)), 5) for index in range(len(TEST)))
    np.fill_diagonal(counts, 0)
    first, second = np.unravel_index(np.argmax(counts[1:, 1:]), (4, 4))
    assert shown[0].row == f"{toy.CLASSES[first]} taken for {toy.CLASSES[second]}"
    in_row = [one for one in shown if one.row == shown[0].row]
    assert len(in_row) == min(6, counts[first + 1, second + 1])
    for one in in_row:
        tile = TEST[TEST.ids.index(one.note)]
        # the outlined nucleus is one of the tile, of the true class
        nuclei = [tile.instances == number for number in np.flatnonzero(tile.types == first + 1) + 1]
        inside = one.labels.instances == 1
        assert any(_contains(nucleus, inside) for nucleus in nuclei)
        assert one.labels.types.tolist() == [first + 1]


def _contains(whole: np.ndarray, part: np.ndarray) -> bool:
    height, width = part.shape
    windows = np.lib.stride_tricks.sliding_window_view(whole, (height, width))
    return bool((windows == part).all(axis=(2, 3)).any())


def test_confusion_matrices_are_summed_over_seeds(measured: list[Measured]) -> None:
    base, own = confusion_matrices(measured, 2)
    assert (base.arm, own.arm, own.downstream) == ("real-only", "mine", "hovernet")
    assert own.classes == ("background", *toy.CLASSES)
    total = np.zeros(5, int)
    for index in range(len(TEST)):
        total += np.bincount(TEST[index].types, minlength=5)
    np.testing.assert_array_equal(np.array(base.counts), 2 * np.diag(total))
    np.testing.assert_array_equal(np.array(own.counts)[1:].sum(1), 2 * total[1:])


def test_an_arm_that_was_not_tested_shows_nothing(measured: list[Measured]) -> None:
    untested = measured[1]._replace(evidence=[], reason="not trained on")
    shown = list(Nuclei().pictures([measured[0], untested]))
    assert {one.column for one in shown} == {"truth", "real-only"}
    assert [one.arm for one in Nuclei().confusions([measured[0], untested], 1)] == ["real-only"]
