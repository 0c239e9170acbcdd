"""Rows over folds from hand-made statistics: every number is worked out by hand, and one interval's coverage tested.

All images of a training have the same value: groups agree, and intervals are Student's over trainings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import hypot, sqrt

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit

from bench.evaluation.comparison import UNDEFINED, Scored
from bench.evaluation.nuclei import nuclei_scores
from bench.evaluation.over_folds import OWN_ENCODERS, TRAININGS, Estimates, compare_folds, mean_rows
from bench.evaluation.row_maker import Rows, metric_columns
from bench.evaluation.score import Score, mean_score, number
from bench.evaluation.statistics import Statistics
from bench.plan.arms import Arm
from bench.results.table import ALL_FOLDS, ALL_SEEDS, POOLED_FOLDS, ScoreRow
from metrics.groups import MEAN
from metrics.jackknife import Jackknife
from metrics.table import METRICS
from metrics.uncertainty import arm_interval
from tests import toy_tissue
from tests.bench.evaluation.test_comparison import CLASSES, SLIDES, image

# Values by fold and seed.
ARMS = {
    "real-only": ((0.40, 0.50), (0.50, 0.60)),
    "better": ((0.50, 0.60), (0.70, 0.80)),
    "best": ((0.80, 0.90), (0.90, 1.00)),
}
MAKER = Rows({"run": "r", "dataset": "toy", "division": "two@0", "fold": ALL_FOLDS, "preset": "tiny"}, "steps:1")
Found = Mapping[tuple[str, str, str, str, int], ScoreRow]
T1, T2 = stats.t.ppf(0.975, 1), stats.t.ppf(0.975, 2)


def in_logits(value: float, half: float) -> tuple[float, float]:
    """Return value +- half in the logit of the value."""
    reach = half / (value * (1 - value))
    return float(expit(logit(value) - reach)), float(expit(logit(value) + reach))


def statistics(value: float, own: str) -> Statistics:
    rows = [image(index, slide + own, value) | {"id": f"{index}{own}"} for index, slide in enumerate(SLIDES)]
    return Statistics({name: [row[name] for row in rows] for name in rows[0]})


def compared(
    *, own_tests: bool, test_share: float = 1.0, arms: Mapping[str, Sequence[Sequence[float]]] = ARMS
) -> Found:
    """Return the rows of arms by kind, method, metric, aggregation and seed."""

    def scored(name: str, fold: int) -> Scored:
        read = [statistics(value, f" of fold {fold}" if own_tests else "") for value in arms[name][fold]]
        return Scored(Arm(name, "", toy_tissue.Painter(toy_tissue.PainterConfig())), read, ["" for _ in read])

    folds = [[scored(name, fold) for name in arms] for fold in range(2)]
    found = {}
    for score in nuclei_scores(CLASSES):
        columns = {"split": "test", "downstream": "hovernet", "budget": "steps:1", "class": score.class_}
        metric = METRICS[score.metric]
        for row in compare_folds(folds, score, metric, columns | metric_columns(metric), MAKER, test_share):
            if row.class_ in ("", "absent"):
                how = POOLED_FOLDS if row.aggregation == POOLED_FOLDS else ""
                found[row.kind, row.method, row.metric, how, row.seed] = row
    return found


@pytest.fixture(scope="module")
def fixed() -> Found:
    return compared(own_tests=False)


@pytest.fixture(scope="module")
def own() -> Found:
    return compared(own_tests=True)


def test_with_a_fixed_test_set_folds_are_replicates_of_the_mean_over_their_seeds(fixed) -> None:
    row = fixed["score", "better", "dice/image", "", ALL_SEEDS]
    # fold means .55 and .75: s / sqrt(2) = .1
    assert (row.value, row.se) == pytest.approx((0.65, 0.1))
    assert T1 * 0.1 > 0.65  # the interval would leave the range of Dice, were it not in the logit of .65
    assert (row.ci_low, row.ci_high) == pytest.approx(in_logits(0.65, T1 * 0.1))
    assert (row.fold, row.division, row.ci_method) == (ALL_FOLDS, "two@0", TRAININGS)
    assert (row.seeds, row.n, row.n_skipped) == (4, 6, 0)
    # F of a fold is the mean over its seeds: 2v / (1 + v)
    f = np.mean([2 * v / (1 + v) for v in (0.5, 0.6, 0.7, 0.8)])
    assert fixed["score", "better", "f_d", "", ALL_SEEDS].value == pytest.approx(f)


def test_differences_with_a_fixed_test_set_are_adjusted_over_the_arms(fixed) -> None:
    found = {name: fixed["difference", name, "dice/image", "", ALL_SEEDS] for name in ("better", "best")}
    # the fold means of real-only are .45 and .55, of better .55 and .75, of best .85 and .95
    spread = {"better": sqrt(0.005 / 2 + 0.02 / 2), "best": sqrt(0.005 / 2 + 0.005 / 2)}
    for name, value in (("better", 0.15), ("best", 0.40)):
        row = found[name]
        assert (row.value, row.seeds) == (pytest.approx(value), 4)
        dof = {"better": 0.0125**2 / (0.0025**2 + 0.01**2), "best": 2}[name]
        half = stats.t.ppf(0.975, dof) * spread[name]
        assert row.ci_high == pytest.approx(min(value + half, 1))
        assert row.p == pytest.approx(2 * stats.t.sf(value / spread[name], dof))
        assert row.detectable > half
    assert found["best"].p_holm == pytest.approx(2 * found["best"].p)
    assert found["better"].p_holm == pytest.approx(max(found["better"].p, 2 * found["best"].p))
    assert ("difference", "real-only", "dice/image", "", ALL_SEEDS) not in fixed


def test_nothing_is_pooled_with_a_fixed_test_set(fixed) -> None:
    assert not any(how == POOLED_FOLDS for _, _, _, how, _ in fixed)


def test_with_test_sets_of_their_own_folds_are_cross_validated(own) -> None:
    row = own["score", "better", "dice/image", "", ALL_SEEDS]
    # seeds: sqrt(.005 / 2 + .005 / 2) / 2. folds: .02 between .55 and .75, times 1/2 + 1. What seeds explain, .0025, is
    # not subtracted, since two folds say too little about it
    seeds, folds = sqrt(0.005) / 2, sqrt(1.5 * 0.02)
    assert (row.value, row.se) == pytest.approx((0.65, hypot(seeds, folds)))
    widest = max(stats.t.ppf(0.975, row.se**4 / (seeds**4 / 2 + folds**4)) * row.se, T1 * folds)
    assert (row.ci_low, row.ci_high) == pytest.approx(in_logits(0.65, widest))
    assert (row.ci_method, row.seeds, row.n) == ("groups+seeds+folds", 4, 12)
    difference = own["difference", "best", "dice/image", "", ALL_SEEDS]
    assert difference.value == pytest.approx(0.40)
    assert difference.p_holm >= difference.p > 0


def test_narrow_intervals_are_those_of_student() -> None:
    arms = {"real-only": ARMS["real-only"], "close": ((0.50, 0.52), (0.53, 0.55))}
    row = compared(own_tests=False, arms=arms)["score", "close", "dice/image", "", ALL_SEEDS]
    # fold means .51 and .54: s / sqrt(2) = .015
    assert (row.ci_low, row.ci_high) == pytest.approx(in_logits(0.525, T1 * 0.015))
    row = compared(own_tests=True, arms=arms)["score", "close", "dice/image", "", ALL_SEEDS]
    # seeds: sqrt(.0002 / 2 + .0002 / 2) / 2. folds: .00045 between means, times 1/2 + 1
    seeds, folds = sqrt(0.0002) / 2, sqrt(1.5 * 0.00045)
    total = hypot(seeds, folds)
    half = max(stats.t.ppf(0.975, total**4 / (seeds**4 / 2 + folds**4)) * total, T1 * folds)
    assert (row.ci_low, row.ci_high) == pytest.approx(in_logits(0.525, half))


def test_the_share_of_test_images_is_that_of_the_division() -> None:
    row = compared(own_tests=True, test_share=0.25)["score", "better", "dice/image", "", ALL_SEEDS]
    assert row.se == pytest.approx(hypot(sqrt(0.005) / 2, sqrt(0.75 * 0.02)))


def test_pooled_predictions_are_scored_together_under_each_seed(own) -> None:
    # seed 0: half of the nuclei of six images and .7 of those of six others; F = 2v / (1 + v) of v = .6
    pooled = own["score", "better", "f_d", POOLED_FOLDS, 0]
    assert pooled.value == pytest.approx(2 * 0.6 / 1.6)
    assert pooled.value != pytest.approx(np.mean([2 * v / (1 + v) for v in (0.5, 0.7)]))
    assert (pooled.fold, pooled.n, pooled.seeds) == (ALL_FOLDS, 12, 1)
    over = own["score", "better", "f_d", POOLED_FOLDS, ALL_SEEDS]
    assert over.value == pytest.approx(np.mean([2 * v / (1 + v) for v in (0.6, 0.7)]))
    assert over.seeds == 2
    assert own["difference", "better", "dice/image", POOLED_FOLDS, ALL_SEEDS].value == pytest.approx(0.15)


def test_an_absent_class_has_a_reason(fixed, own) -> None:
    for found in (fixed, own):
        row = found["score", "best", "f_type", "", ALL_SEEDS]
        assert row.value is None
        assert "undefined" in row.reason


def test_a_number_that_is_no_sum_has_an_interval_over_folds() -> None:
    def largest(read: Statistics) -> float:
        return float(read.numbers("dice").max())

    score = Score("auroc", "", lambda read: read.numbers("dice")[:, None], MEAN, whole=largest)
    arm = [[statistics(value, f" {fold}") for value in values] for fold, values in enumerate(ARMS["better"])]
    found = Estimates(score, METRICS["auroc"], test_share=1.0).value(arm)
    assert (found.value, found.method) == (pytest.approx(0.65), "folds")
    assert (found.low, found.high) == pytest.approx(in_logits(0.65, T1 * sqrt(1.5 * 0.02)))
    arm[0][0] = Statistics({"id": ["0"], "group": ["a"], "dice": [float("nan")]})
    undefined = Estimates(score, METRICS["auroc"]).value(arm)
    assert np.isnan(undefined.value)
    assert undefined.reason == UNDEFINED


def test_fixed_test_intervals_cover_the_mean_over_trainings_where_equal_replicates_do_not() -> None:
    """Folds differ by more than seeds, so 5 x 4 trainings are not twenty independent ones."""
    score, unbounded = mean_score("pq/image", lambda read: number(read, "pq")), (None, None)
    pq = replace(METRICS["pq/image"], bounds=unbounded)
    groups = [f"slide {index // 2}" for index in range(20)]
    covered = naive = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        slides = np.repeat(0.1 * rng.normal(size=10), 2)
        arm = []
        for _ in range(5):
            training = 0.5 * rng.normal()
            values = [training + 0.1 * rng.normal() + slides + 0.05 * rng.normal(size=20) for _ in range(4)]
            arm.append([Statistics({"id": list(range(20)), "group": groups, "pq": list(one)}) for one in values])
        found = Estimates(score, pq).value(arm)
        covered += found.low <= 0 <= found.high
        flat = np.stack([score.read(one) for seeds in arm for one in seeds])
        equal = arm_interval(Jackknife.of(flat, groups, MEAN))
        naive += equal.low <= 0 <= equal.high
    assert covered >= 0.91 * 150
    assert naive <= 0.8 * 150


def made(value: float | None, seed: int = 0, **changes: object) -> ScoreRow:
    about = {"run": "r", "dataset": "toy", "preset": "tiny", "method": "copy", "metric": "coverage@random-convnet"}
    about |= {"encoder": "abc", "split": "test", "direction": "higher", "reason": "no interval", "floor": 0.5}
    return ScoreRow.model_validate(about | {"value": value, "seed": seed, "set_digest": "d"} | changes)


def test_other_scores_have_their_mean_over_folds() -> None:
    folds = [[made(0.2), made(0.4, 1), made(0.3, ALL_SEEDS, seeds=2)], [made(0.8, ALL_SEEDS, seeds=2, floor=0.7)]]
    (row,) = mean_rows(folds, MAKER)
    assert (row.value, row.seeds, row.floor) == (pytest.approx(0.55), 4, pytest.approx(0.6))
    # .55 +- t(1) * .5 * sqrt((1 / 2 + 1) / 2), within the range of a share
    assert row.se == pytest.approx(sqrt(1.5 * 0.125))
    assert (row.ci_low, row.ci_high) == pytest.approx(in_logits(0.55, T1 * row.se))
    assert row.ci_method == "folds"
    assert (row.fold, row.encoder, row.set_digest, row.reason) == (ALL_FOLDS, "abc", "d", "")


def floored(value: float, shift: float = 0.0, **changes: object) -> ScoreRow:
    """A distance between .4 and .6 is on the floor of the fold, moved by a shift."""
    floor = {"floor": 0.5 + shift, "floor_low": 0.4 + shift, "floor_high": 0.6 + shift, "floor_within": 0.3 + shift}
    return made(value, direction="lower", **{**floor, "standing": "above", **changes})


def test_the_floor_over_folds_has_the_means_of_its_bounds() -> None:
    (row,) = mean_rows([[floored(0.9)], [floored(1.1, 0.1)]], MAKER)
    found = (row.floor, row.floor_low, row.floor_high, row.floor_within)
    assert found == pytest.approx((0.55, 0.45, 0.65, 0.35))
    assert row.standing == "above"


@pytest.mark.parametrize("other", ["on", "below", ""])
def test_a_standing_over_folds_is_one_of_all_folds(other: str) -> None:
    (row,) = mean_rows([[floored(0.9)], [floored(0.5, standing=other)], [floored(0.9)]], MAKER)
    assert row.standing == ""
    assert row.value == pytest.approx(2.3 / 3)


def test_a_bound_that_a_floor_lacks_has_no_mean() -> None:
    (row,) = mean_rows([[floored(0.9)], [floored(0.8, 0.1, floor_within=None)]], MAKER)
    assert (row.floor, row.floor_high, row.floor_within) == (pytest.approx(0.55), pytest.approx(0.65), None)


def test_without_a_value_over_folds_there_is_no_standing() -> None:
    (row,) = mean_rows([[floored(0.9)], [floored(0.9, encoder="def")]], MAKER)
    assert (row.floor, row.floor_low, row.standing, row.reason) == (None, None, "", OWN_ENCODERS)
    (row,) = mean_rows([[floored(0.9)], []], MAKER)
    assert (row.value, row.standing, row.floor) == (None, "", 0.5)


def test_what_a_fold_lacks_is_said() -> None:
    (row,) = mean_rows([[made(0.2)], [made(None, reason="too few images")]], MAKER)
    assert (row.value, row.reason) == (None, "fold 2/2: too few images")
    (row,) = mean_rows([[made(0.2)], []], MAKER)
    assert (row.value, row.reason) == (None, "fold 2/2: it has no such score")
    (row,) = mean_rows([[made(0.2)], [made(0.3, encoder="def")]], MAKER)
    assert (row.value, row.encoder, row.reason) == (None, "", OWN_ENCODERS)
