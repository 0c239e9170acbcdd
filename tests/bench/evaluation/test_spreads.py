"""Rows of networks that were trained under two seeds on each of two sets, worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from scipy.special import logit

from bench.evaluation.comparison import Scored, compare
from bench.evaluation.row_maker import Rows, metric_columns
from bench.evaluation.score import mean_score, number
from bench.evaluation.spreads import OVER_GENERATION, OVER_TRAINING, spread_rows
from bench.evaluation.statistics import Statistics, columns_of
from bench.plan.arms import Arm
from bench.plan.seeds import Replicates, Under
from bench.results.table import ALL_SEEDS, ScoreRow
from metrics.table import METRICS
from tests import toy_tissue

SLIDES = ("a", "b", "c")
BOTH = Replicates(2, 2)
SCORE = mean_score("dice/image", lambda statistics: number(statistics, "dice"))
COLUMNS = {"split": "test", "downstream": "hovernet", "budget": "steps:1", **metric_columns(METRICS["dice/image"])}
ROWS = Rows({"run": "r", "dataset": "toy", "preset": "tiny"}, "steps:1")
DICE = METRICS["dice/image"]


def scored(name: str, values: Sequence[float], seeds: Sequence[Under]) -> Scored:
    """An arm all of whose images have the same value: groups agree, and intervals are those of seeds."""
    read = [
        Statistics(columns_of([{"id": f"{slide}1", "group": slide, "dice": value} for slide in SLIDES]))
        for value in values
    ]
    return Scored(Arm(name, "", toy_tissue.Painter(toy_tissue.PainterConfig())), read, [""] * len(values), seeds)


def rows(*cells: float) -> list[ScoreRow]:
    baseline = scored("real-only", (0.5, 0.6), BOTH.networks(drawn=False))
    arm = scored("sdm", cells, BOTH.networks(drawn=True))
    return list(compare([baseline, arm], SCORE, DICE, COLUMNS, ROWS))


def of(found: list[ScoreRow], **wanted: object) -> ScoreRow:
    (row,) = [row for row in found if all(getattr(row, name) == value for name, value in wanted.items())]
    return row


def test_every_pair_of_seeds_has_a_row_and_all_together_one() -> None:
    found = rows(0.60, 0.70, 0.72, 0.80)
    values = {(row.seed, row.generation): row.value for row in found if (row.method, row.kind) == ("sdm", "score")}
    assert values == pytest.approx({(0, 0): 0.60, (0, 1): 0.70, (1, 0): 0.72, (1, 1): 0.80, (-1, -1): 0.705})
    together = of(found, method="sdm", kind="score", seed=ALL_SEEDS)
    assert (together.seeds, together.generations, together.ci_method) == (2, 2, "groups+seeds+generations")
    baseline = of(found, method="real-only", kind="score", seed=ALL_SEEDS)
    assert (baseline.seeds, baseline.generation, baseline.generations) == (2, 0, 1)
    assert baseline.ci_method == "groups+seeds"


def test_the_two_spreads_are_rows_of_their_own() -> None:
    found = rows(0.60, 0.70, 0.72, 0.80)
    training = of(found, kind="spread", aggregation=OVER_TRAINING)
    generation = of(found, kind="spread", aggregation=OVER_GENERATION)
    # variances over training seeds .0072 and .005; of the means of sets .00405, less half of the error's .0001
    assert training.value == pytest.approx(0.0061**0.5)
    assert generation.value == pytest.approx((0.00405 - 0.00005) ** 0.5)
    assert "few seeds" in training.reason
    assert {(row.seed, row.seeds, row.generation, row.generations) for row in (training, generation)} == {
        (-1, 2, -1, 2)
    }
    assert not [row for row in found if row.kind == "spread" and row.method == "real-only"]


def test_a_negative_variance_is_0_and_says_so() -> None:
    row = of(rows(0.6, 0.7, 0.7, 0.6), kind="spread", aggregation=OVER_GENERATION)
    assert row.value == 0
    assert "negative" in row.reason


def test_differences_are_paired_by_training_seed() -> None:
    # what a training seed does to both arms, .1, cancels, and the sets do not differ
    row = of(rows(0.7, 0.7, 0.8, 0.8), kind="difference")
    assert (row.value, row.ci_low) == (pytest.approx(0.2), None)
    assert "same in all groups" in row.reason
    # with sets .02 apart: t(.975, 1 df) * .01
    row = of(rows(0.69, 0.71, 0.79, 0.81), kind="difference")
    assert (row.ci_low, row.ci_high) == pytest.approx((0.2 - 12.70620 * 0.01, 0.2 + 12.70620 * 0.01), abs=1e-5)
    assert (row.seed, row.seeds, row.generation, row.generations) == (-1, 2, -1, 2)


def test_several_sets_and_one_training_seed_have_an_interval_over_generation_seeds() -> None:
    seeds = Replicates(1, 3).networks(drawn=True)
    found = list(
        compare(
            [scored("real-only", (0.5,), [Under(0, 0)]), scored("sdm", (0.6, 0.7, 0.8), seeds)],
            SCORE,
            DICE,
            COLUMNS,
            ROWS,
        )
    )
    together = of(found, method="sdm", kind="score", generation=ALL_SEEDS)
    assert (together.seed, together.seeds, together.generations) == (0, 1, 3)
    assert together.ci_method == "groups+generations"
    # in the logit of .7, whose derivative is 1 / .21
    assert logit(together.ci_low) == pytest.approx(logit(0.7) - 4.302653 * 0.1 / 3**0.5 / 0.21, abs=1e-5)
    assert not [row for row in found if row.kind == "spread"]


def test_an_undefined_value_has_no_spread(tmp_path: Path) -> None:
    arm = Arm("sdm", "", toy_tissue.Painter(toy_tissue.PainterConfig()))
    found = list(spread_rows(arm, [0.5, float("nan"), 0.5, 0.5], BOTH.networks(drawn=True), COLUMNS, ROWS))
    assert [row.value for row in found] == [None, None]
    assert all("undefined" in row.reason for row in found)
