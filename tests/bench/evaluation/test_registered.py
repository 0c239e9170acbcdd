"""Every metric that a row may report leads to its evaluation."""

from __future__ import annotations

import pytest

from bench.evaluation.registered import evaluations, reporters


@pytest.mark.parametrize(
    ("metric", "evaluation"),
    [
        ("fd", "distances"),
        ("fid", "distances"),
        ("kid", "distances"),
        ("clip_similarity", "alignment"),
        ("plip_shuffled", "alignment"),
        ("lpips_vgg", "reconstruction"),
        ("pq/image", "nuclei"),
        ("fs1/image", "faithfulness"),
        ("auroc", "tissue"),
    ],
)
def test_a_metric_has_one_reporter(metric: str, evaluation: str) -> None:
    assert reporters(evaluations())[metric] == evaluation


def test_no_two_evaluations_report_the_same_metric() -> None:
    """A row does not say its evaluation, so a shared metric would lead to the outputs of another one."""
    ids = [metric.id for one in evaluations() for metric in one.metrics]
    assert len(ids) == len(set(ids))


def test_published_names_are_left_out_where_their_evaluation_is() -> None:
    assert "fid" not in reporters(evaluations(only=["nuclei"]))
