"""From a row one gets to the outputs of the evaluation that reports its metric."""

from __future__ import annotations

from typing import Any

import pytest

from bench.results.artefacts import Artefact, Artefacts
from bench.results.document import RunDocument

REPORTERS = {"pq/image": "nuclei", "fs1/image": "faithfulness", "fd": "distances"}


def artefact(evaluation: str, **changes: Any) -> Artefact:
    fields = {"kind": "statistics", "method": "sdm", "stage": "evaluate", "key": evaluation or "set"}
    return Artefact(**{**fields, "evaluation": evaluation, **changes})


MADE = (
    artefact("", kind="set"),
    artefact("nuclei", network="hovernet", split="test"),
    artefact("faithfulness", network="hovernet", split="test"),
    artefact("distances", encoder="conv@1", split="test"),
)


def row(metric: str, **changes: Any) -> dict[str, Any]:
    columns = {"method": "sdm", "variant": "", "seed": 0, "generation": 0, "fold": "", "split": "test"}
    return {**columns, "downstream": "hovernet", "encoder": "", "metric": metric, **changes}


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        (row("pq/image"), ["set", "nuclei"]),
        (row("fs1/image"), ["set", "faithfulness"]),
        (row("fd@conv", downstream="", encoder="conv@1"), ["set", "distances"]),
        (row("train/seconds"), ["set", "nuclei", "faithfulness"]),
    ],
)
def test_a_row_leads_to_the_evaluation_of_its_metric(asked: dict[str, Any], keys: list[str]) -> None:
    assert [one.key for one in Artefacts(MADE, REPORTERS).of(asked)] == keys


def test_a_document_that_names_no_evaluations_leads_to_the_outputs_of_all() -> None:
    document = RunDocument(dataset="phantom", method="sdm", preset="smoke", artefacts=MADE)
    assert [one.key for one in document.index().of(row("pq/image"))] == ["set", "nuclei", "faithfulness"]


def test_what_was_found_can_be_looked_up_again() -> None:
    document = RunDocument(dataset="phantom", method="sdm", preset="smoke", artefacts=MADE, reporters=REPORTERS)
    found = document.index().of(row("train/seconds"))
    assert [one.key for one in found.of(row("fs1/image"))] == ["set", "faithfulness"]
