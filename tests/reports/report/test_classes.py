"""Confusion matrices of several runs of one arm."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from reports.report.classes import Matrix, Share, confusions_of
from reports.report.material import Run as Shown
from tests.reports.report.toy_report import Run, fill, material


def of_fold(run: Shown, fold: list[int] | None) -> Shown:
    request = {**run.document.request, "fold": fold}
    return replace(run, document=run.document.model_copy(update={"request": request}))


def counts(matrix: Matrix) -> list[list[int]]:
    return [[share.n for share in row] for row in matrix.rows]


def test_runs_of_single_folds_are_summed_and_a_run_of_all_folds_is_shown_as_it_is(tmp_path: Path) -> None:
    (run,) = material(fill(tmp_path, [Run("sdm", rows=1)])).runs.values()
    one = confusions_of([run], ["sdm"])
    once = {(each.arm, each.downstream): counts(each) for each in one}
    assert sum(map(sum, next(iter(once.values())))) > 0
    for each in confusions_of([of_fold(run, [1, 2]), of_fold(run, [1, 2]), of_fold(run, [2, 2])], ["sdm"]):
        assert counts(each) == [[2 * n for n in row] for row in once[each.arm, each.downstream]]
    whole = confusions_of([of_fold(run, [1, 2]), of_fold(run, None)], ["sdm"])
    assert [counts(each) for each in whole] == [counts(each) for each in one]


def test_the_row_of_invented_nuclei_is_told_from_a_class_of_that_name(tmp_path: Path) -> None:
    (run,) = material(fill(tmp_path, [Run("sdm", rows=1)])).runs.values()
    nuclei = confusions_of([run], ["sdm"])[0]
    assert nuclei.of_nuclei
    assert not nuclei._replace(rows=[[Share(3, 1.0), Share(0, 0.0)]]).of_nuclei  # images of a class "background"
    assert not nuclei._replace(classes=("adipose", "background")).of_nuclei
