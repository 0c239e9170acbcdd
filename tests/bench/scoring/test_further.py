"""Evaluations of other packages beside our numbers: values by class, and reasons where there is nothing to read."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from bench.errors import DataError
from bench.evaluation.predictions import PredictionEvaluation
from bench.evaluation.score import Score
from bench.scoring import further
from bench.scoring.render import render_nuclei
from metrics.entry import Metric
from metrics.groups import Statistic
from tests.bench.formats.labels import formats
from tests.bench.scoring.test_nuclei import IMAGES, score, write


def nuclei(sums: Any) -> Any:
    return sums.sum(-1, keepdims=True)


class Shares(PredictionEvaluation):
    """The share of predicted nuclei of each class, and a number of the whole set."""

    name: ClassVar[str] = "shares"
    metrics = tuple(
        Metric(id, id, "types", "types", "none", (0.0, 1.0), "", "sums", "", per_class=id == "share")
        for id in ("share", "spread")
    )

    def image(self, sample: Any, prediction: Any, info: Any) -> dict[str, object]:
        assert sample.image.shape == (0, 0, 3)
        if prediction.types is None:
            raise DataError("expected classes", got=f"none for {sample.id}")
        return {"n": np.bincount(prediction.types, minlength=len(info.classes) + 1).tolist()}

    def scores(self, info: Any) -> Any:
        for index, name in enumerate(info.classes):
            share = Statistic(lambda sums, i=index + 1: sums[..., i] / sums.sum(-1), nuclei)
            yield Score("share", name, lambda s: s.numbers("n"), share)
        yield Score("spread", "", lambda s: s.numbers("n"), share, whole=lambda s: float(len(s)))


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(further, "evaluations", lambda info: [Shares()])


def test_values_of_classes_and_of_the_whole_set(tmp_path) -> None:
    found = score(write(tmp_path, IMAGES), classes=("a", "b", "c")).more
    assert list(found) == ["share[a]", "share[b]", "share[c]", "spread"]
    types = np.concatenate([of_pred for *_, of_pred in IMAGES])
    for index, name in enumerate("abc"):
        one = found[f"share[{name}]"]
        assert one.value == pytest.approx((types == index + 1).mean())
        assert 0 <= one.ci[0] < one.value < one.ci[1] <= 1
        assert one.reason == ""
    assert (found["spread"].value, found["spread"].ci) == (len(IMAGES), None)
    assert "no interval" in found["spread"].reason


def test_what_cannot_be_read_has_the_reason_in_the_place_of_the_value(tmp_path) -> None:
    report = score(write(tmp_path, IMAGES, pred_writer=formats.png))
    assert report.metrics.pq is not None
    assert {(one.value, one.ci) for one in report.more.values()} == {(None, None)}
    assert {one.reason for one in report.more.values()} == {"expected classes; got: none for tile_0"}
    last = list(render_nuclei(report))[-1]
    assert last == "[yellow]! share[1], share[2], share[3], spread: expected classes; got: none for tile_0[/yellow]"
