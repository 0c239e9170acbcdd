"""Rows from hand-made statistics: values, differences and p-values that are worked out by hand; nothing is trained.

All images of a seed have the same value: groups agree, and intervals are Student's over seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from pathlib import Path

import pytest
from scipy import stats
from scipy.special import expit, logit

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
# Differences from real-only: their standard errors and Welch's degrees of freedom. Of a pair of seeds .1 apart the
# variance is .005, of the three .01.
SE = {"better": sqrt(0.005), "best": sqrt(0.005), "worse": sqrt(0.005 / 2 + 0.01 / 3)}
DOF = {"better": 2, "best": 2, "worse": SE["worse"] ** 4 / (0.0025**2 / 1 + (0.01 / 3) ** 2 / 2)}
DIFFERENCES = {"better": 0.20, "best": 0.40, "worse": -0.28}


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
    maker = Rows({"run": "r", "dataset": "toy", "preset": "tiny"}, "steps:1")
    found: dict[tuple[str, str, str, str, int], ScoreRow] = {}
    for score in nuclei_scores(CLASSES):
        columns = {"split": "test", "downstream": "hovernet", "budget": "steps:1", "class": score.class_}
        metric = METRICS[score.metric]
        for row in compare(compared, score, metric, columns | metric_columns(metric), maker):
            found[row.kind, row.method, row.metric, row.class_, row.seed] = row
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, str, str, int], ScoreRow]:
    return rows(tmp_path_factory.mktemp("rows"))


def half_width(name: str) -> float:
    """Return the half-width of the interval of an arm's difference."""
    return float(stats.t.ppf(0.975, DOF[name]) * SE[name])


def p_value(name: str) -> float:
    """Return the two-sided p-value of an arm's difference."""
    return float(2 * stats.t.sf(abs(DIFFERENCES[name]) / SE[name], DOF[name]))


def test_values_of_seeds_and_their_mean(made) -> None:
    for name, values in ARMS.items():
        for seed, value in enumerate(values):
            row = made["score", name, "dice/image", "", seed]
            assert row.value == pytest.approx(value)
            if value == 1:  # at the end of the range: three groups say that it may be as low as .025^(1 / 3)
                assert (row.ci_low, row.ci_high) == pytest.approx((0.025 ** (1 / 3), 1))
            else:
                assert (row.ci_low, row.ci_high) == (None, None)
                assert "same value" in row.reason
            assert (row.n_groups, row.n_effective) == (3, pytest.approx(3))
            assert (row.n, row.n_skipped, row.seeds, row.direction) == (6, 0, 1, "higher")
            assert row.set_digest == ("" if name == "real-only" else f"{name} {seed}")
        over = made["score", name, "dice/image", "", ALL_SEEDS]
        assert over.value == pytest.approx(sum(values) / len(values))
        assert over.seeds == len(values)
    # t(.975, 1 df) * .05 in the logit of .55, whose derivative is 1 / (.55 * .45)
    over, reach = made["score", "real-only", "dice/image", "", ALL_SEEDS], 12.706205 * 0.05 / (0.55 * 0.45)
    assert over.se == pytest.approx(0.05)
    assert (over.ci_low, over.ci_high) == pytest.approx((expit(logit(0.55) - reach), expit(logit(0.55) + reach)))
    # t(.975, 2 df) * .1 / sqrt(3) in the logit of .27
    over, reach = made["score", "worse", "dice/image", "", ALL_SEEDS], 4.302653 * 0.1 / sqrt(3) / (0.27 * 0.73)
    expected = expit(logit(0.27) - reach), expit(logit(0.27) + reach)
    assert (over.ci_low, over.ci_high) == pytest.approx(expected, abs=1e-6)


def test_pooled_scores_follow_from_summed_counts(made) -> None:
    # half of the nuclei found: F = 2 * 50 / (2 * 50 + 50); PQ = .75 * 2 / 3
    assert made["score", "real-only", "f_d", "", 0].value == pytest.approx(2 / 3)
    assert made["score", "real-only", "pq/pooled", "", 0].value == pytest.approx(0.5)
    assert made["score", "real-only", "f_type", "common", 0].value == pytest.approx(2 / 3)


def test_differences_have_their_sign_and_students_interval(made) -> None:
    found = {name: made["difference", name, "dice/image", "", ALL_SEEDS] for name in DIFFERENCES}
    assert {name: row.value for name, row in found.items()} == pytest.approx(DIFFERENCES)
    for name, row in found.items():
        half = half_width(name)
        assert (row.ci_low, row.ci_high) == pytest.approx((max(row.value - half, -1), min(row.value + half, 1)))
        assert row.p == pytest.approx(p_value(name))
        assert (row.n_groups, row.n_effective, row.ci_method) == (3, pytest.approx(3), "groups+seeds")
        # what would be found in four of five repetitions
        assert half < row.detectable < half * 1.5
    assert ("difference", "real-only", "dice/image", "", ALL_SEEDS) not in made


def test_ranks_are_those_of_all_pairs(made) -> None:
    found = {name: made["rank", name, "dice/image", "", ALL_SEEDS] for name in ARMS}
    assert {name: row.value for name, row in found.items()} == {"best": 1, "better": 2, "real-only": 3, "worse": 4}
    # of six pairs, best and worse (p = .0035 times 6) and better and worse (.009 times 5) are told apart
    bounds = {name: (row.ci_low, row.ci_high) for name, row in found.items()}
    assert bounds == {"best": (1, 3), "better": (1, 3), "real-only": (1, 4), "worse": (3, 4)}
    assert {(row.direction, row.seed, row.class_) for row in found.values()} == {("lower", ALL_SEEDS, "")}
    assert made["rank", "best", "f_type", "common", ALL_SEEDS].value == 1
    assert "no rank" in made["rank", "best", "f_type", "absent", ALL_SEEDS].reason
    assert not [key for key in made if key[0] == "rank" and not METRICS[key[2]].main]


def test_holms_order(made) -> None:
    p = {name: p_value(name) for name in DIFFERENCES}
    found = {name: made["difference", name, "dice/image", "", ALL_SEEDS].p_holm for name in DIFFERENCES}
    first, second, third = sorted(p, key=p.__getitem__)
    adjusted = [3 * p[first], max(3 * p[first], 2 * p[second])]
    assert [found[first], found[second]] == pytest.approx(adjusted)
    assert found[third] == pytest.approx(max(*adjusted, p[third]))


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
    assert (row.value, row.ci_low) == (pytest.approx(0.2), None)
    assert "same in all groups" in row.reason
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
