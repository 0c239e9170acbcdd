"""Rows from hand-made statistics: values, differences and p-values that are worked out by hand; nothing is trained.

All images of a seed have the same value: resampled groups agree, and intervals are Student's over seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import atan, pi, sqrt
from pathlib import Path

import pytest

from bench.evaluation.comparison import Scored, compare
from bench.evaluation.nuclei import IMAGE_VALUES, PIXELS, nuclei_scores
from bench.evaluation.row_maker import Rows, metric_columns
from bench.evaluation.statistics import Statistics, write_statistics
from bench.plan.arms import Arm
from bench.results.table import ALL_SEEDS, ScoreRow
from metrics.table import METRICS
from tests import toy_tissue

CLASSES = ("common", "absent")
SLIDES = ("a", "a", "b", "b", "c", "c")
ARMS = {
    "real-only": (0.50, 0.60),
    "better": (0.70, 0.80),
    "best": (0.90, 1.00),
    "worse": (0.17, 0.27, 0.37),
}
# Student's t of the differences to real-only. Of a pair of seeds .1 apart the variance is .005, of the three .01.
T = {"better": 0.20 / sqrt(0.005), "best": 0.40 / sqrt(0.005), "worse": -0.28 / sqrt(0.005 / 2 + 0.01 / 3)}


def image(index: int, group: str, value: float) -> dict[str, object]:
    """Statistics of an image in which a network found `100 * value` of a hundred nuclei, all of the first class."""
    found = round(100 * value)
    missed = 100 - found
    return {
        "id": f"image-{index}",
        "group": group,
        "tissue": None,
        **dict.fromkeys((*IMAGE_VALUES, *PIXELS), value),
        **{"tp": found, "fp": 0, "fn": missed, "sum_iou": 0.75 * found},
        **{"hd95": 20 * (1 - value), "hd95_concatenated": 20 * (1 - value), "one_empty": False},
        # pairs, invented, missed, pairs of one class; then of each class its TP, FP, FN, TN, invented, missed
        "types": [found, 0, missed, found, *(found, 0, 0, 0, 0, missed), *(0, 0, 0, found, 0, 0)],
        "classes": [found, 0, missed, 0.75 * found, 0.0, 0.0, 0.0, 0.0],
        "true_counts": [100, 0],
        "pred_counts": [found, 0],
    }


def rows(
    folder: Path, arms: Mapping[str, Sequence[float]] = ARMS, slides: Sequence[str] = SLIDES
) -> dict[tuple[str, str, str, str, int], ScoreRow]:
    """Return the rows of arms by kind, method, metric, class and seed, given the value of each of their seeds."""

    def statistics(path: Path, value: float) -> Statistics:
        path.mkdir(parents=True)
        write_statistics(path, [image(index, slide, value) for index, slide in enumerate(slides)])
        return Statistics(path)

    def scored(name: str, values: Sequence[float]) -> Scored:
        read = [statistics(folder / name / str(seed), value) for seed, value in enumerate(values)]
        digests = ["" if name == "real-only" else f"{name} {seed}" for seed in range(len(values))]
        return Scored(Arm(name, "", toy_tissue.Painter(toy_tissue.PainterConfig())), read, digests)

    compared = [scored(name, values) for name, values in arms.items()]
    maker = Rows({"run": "r", "dataset": "toy", "preset": "tiny"}, "steps:1", 1000)
    found: dict[tuple[str, str, str, str, int], ScoreRow] = {}
    for score in nuclei_scores(CLASSES):
        columns = {"split": "test", "downstream": "hovernet", "budget": "steps:1", "class": score.class_}
        for row in compare(compared, score, columns | metric_columns(METRICS[score.metric]), maker):
            found[row.kind, row.method, row.metric, row.class_, row.seed] = row
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, str, str, int], ScoreRow]:
    return rows(tmp_path_factory.mktemp("rows"))


def p_value(name: str) -> float:
    """Return the two-sided p-value of an arm's t in closed form: two degrees of freedom, three for the three seeds."""
    t = abs(T[name])
    if name == "worse":
        x = t / sqrt(3)
        return 1 - 2 / pi * (atan(x) + x / (1 + x**2))
    return 1 - t / sqrt(t**2 + 2)


def test_values_of_seeds_and_their_mean(made) -> None:
    for name, values in ARMS.items():
        for seed, value in enumerate(values):
            row = made["score", name, "dice/image", "", seed]
            assert (row.value, row.ci_low, row.ci_high) == pytest.approx((value, value, value))
            assert (row.n, row.n_skipped, row.seeds, row.direction) == (6, 0, 1, "higher")
            assert row.set_digest == ("" if name == "real-only" else f"{name} {seed}")
        over = made["score", name, "dice/image", "", ALL_SEEDS]
        assert over.value == pytest.approx(sum(values) / len(values))
        assert over.seeds == len(values)
    # .55 +- t(.975, 1 df) * .05 is .55 +- .64, which leaves the range of Dice
    over = made["score", "real-only", "dice/image", "", ALL_SEEDS]
    assert (over.se, over.ci_low, over.ci_high) == pytest.approx((0.05, 0, 1))
    # .27 +- t(.975, 2 df) * .1 / sqrt(3)
    over, half = made["score", "worse", "dice/image", "", ALL_SEEDS], 4.302653 * 0.1 / sqrt(3)
    assert (over.ci_low, over.ci_high) == pytest.approx((0.27 - half, 0.27 + half), abs=1e-6)


def test_pooled_scores_follow_from_summed_counts(made) -> None:
    # half of the nuclei found: F = 2 * 50 / (2 * 50 + 50); PQ = .75 * 2 / 3
    assert made["score", "real-only", "f_d", "", 0].value == pytest.approx(2 / 3)
    assert made["score", "real-only", "pq/pooled", "", 0].value == pytest.approx(0.5)
    assert made["score", "real-only", "f_type", "common", 0].value == pytest.approx(2 / 3)


def test_differences_have_their_sign_and_students_interval(made) -> None:
    found = {name: made["difference", name, "dice/image", "", ALL_SEEDS] for name in T}
    assert {name: row.value for name, row in found.items()} == pytest.approx(
        {"better": 0.20, "best": 0.40, "worse": -0.28}
    )
    for name, row in found.items():
        assert row.p == pytest.approx(p_value(name), abs=1e-6)
    # +-t(.975, 2 df) * sqrt(.005 / 2 + .005 / 2), and with 3 df * sqrt(.005 / 2 + .01 / 3)
    half = {"better": 4.302653 * 0.0707107, "best": 4.302653 * 0.0707107, "worse": 3.182446 * 0.0763763}
    for name, row in found.items():
        assert (row.ci_low, row.ci_high) == pytest.approx((row.value - half[name], row.value + half[name]), abs=1e-5)
    assert ("difference", "real-only", "dice/image", "", ALL_SEEDS) not in made


def test_holms_order(made) -> None:
    p = {name: p_value(name) for name in T}
    assert p == pytest.approx({"best": 0.029857, "worse": 0.035096, "better": 0.105573}, abs=1e-5)
    found = {name: made["difference", name, "dice/image", "", ALL_SEEDS].p_holm for name in T}
    # the smallest by 3; the next by 2, but not below the smallest; the largest by 1
    assert 2 * p["worse"] < 3 * p["best"] < p["better"]
    assert found == pytest.approx({"best": 3 * p["best"], "worse": 3 * p["best"], "better": p["better"]}, abs=1e-5)


def test_unequal_seeds_compare_means(made) -> None:
    row = made["difference", "worse", "dice/image", "", ALL_SEEDS]
    assert row.seeds == 3
    assert row.value == pytest.approx((0.17 + 0.27 + 0.37) / 3 - (0.50 + 0.60) / 2)


def test_what_is_better_when_lower_keeps_the_sign_of_the_numbers(made) -> None:
    values = {name: made["score", name, "hd95/image", "", ALL_SEEDS].value for name in ARMS}
    assert values == pytest.approx({"real-only": 9.0, "better": 5.0, "best": 1.0, "worse": 14.6})
    better, worse = (made["difference", name, "hd95/image", "", ALL_SEEDS] for name in ("better", "worse"))
    assert (better.value, worse.value) == pytest.approx((-4.0, 5.6))
    assert better.direction == worse.direction == "lower"
    assert better.p == pytest.approx(p_value("better"), abs=1e-6)


def test_an_absent_class_is_a_row_with_a_reason(made) -> None:
    for kind, name in (("score", "real-only"), ("score", "best"), ("difference", "best"), ("difference", "worse")):
        row = made[kind, name, "f_type", "absent", ALL_SEEDS]
        assert row.value is None
        assert "undefined" in row.reason
        assert row.p is None
        assert row.p_holm is None
    assert made["difference", "best", "f_type", "common", ALL_SEEDS].value is not None


def test_one_group_has_values_and_a_reason_for_the_lack_of_intervals(tmp_path: Path) -> None:
    made = rows(tmp_path, slides=["a", "a", "a"])
    row = made["score", "better", "dice/image", "", 0]
    assert row.value == pytest.approx(0.7)
    assert row.n == 3
    assert row.ci_low is None
    assert "group" in row.reason
    difference = made["difference", "better", "dice/image", "", ALL_SEEDS]
    assert difference.value == pytest.approx(0.2)
    assert difference.ci_low is None
    assert difference.p is None
    assert difference.p_holm is None


def test_one_seed_of_each_arm_is_said_to_be_one(tmp_path: Path) -> None:
    made = rows(tmp_path, {"real-only": (0.5,), "better": (0.7,)})
    row = made["difference", "better", "dice/image", "", 0]
    assert (row.value, row.ci_low, row.ci_high) == pytest.approx((0.2, 0.2, 0.2))
    assert row.seeds == 1
    assert row.ci_method == "groups"


def test_a_network_that_seeds_do_not_change_is_counted_once(tmp_path: Path) -> None:
    values = {"real-only": (0.5, 0.6, 0.7), "deterministic": (0.8, 0.8, 0.8), "lively": (0.7, 0.8, 0.9)}
    found = rows(tmp_path, values)
    counted = {name: found["score", name, "pq/image", "", ALL_SEEDS].n_distinct for name in values}
    assert counted == {"real-only": 3, "deterministic": 1, "lively": 3}
    assert {found["score", name, "pq/image", "", 0].n_distinct for name in values} == {1}
    differences = {name: found["difference", name, "pq/image", "", ALL_SEEDS].n_distinct for name in list(values)[1:]}
    assert differences == {"deterministic": 1, "lively": 3}
