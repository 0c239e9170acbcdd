"""What a suite lacks is told before any work, each thing once, with the runs that want it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import MissingError
from bench.suite.check import check_runs
from tests.bench.suite.suites import TINY, runs_of


def test_every_run_is_looked_up_and_nothing_is_written(tmp_path: Path) -> None:
    checked, missing = check_runs(runs_of(tmp_path, {"method": ["copy", "diffmix"]}))
    assert missing == []
    assert [run.label for run in checked] == ["copy", "diffmix"]
    assert [run.resolved.subject.name for run in checked] == ["copy", "diffmix"]
    assert not (tmp_path / "store").exists()


def test_all_that_is_missing_is_listed_once_with_its_runs(tmp_path: Path) -> None:
    runs = runs_of(
        tmp_path,
        {"label": "far", "method": ["copy", "noise"], "dataset": "glysac"},
        {"label": "misspelt", "method": "cpoy"},
        {"label": "of another task", "method": "copy", "dataset": "phantom-tissue", "downstream": ["hovernet"]},
        {"label": "fine", "method": "copy"},
        defaults={**TINY, "controls": ["real-only"]},
    )
    with pytest.raises(MissingError) as raised:
        check_runs(runs).stop()
    error = raised.value
    assert error.message == "3 things are missing"
    got = error.got.splitlines()
    assert got[0].startswith("1. runs 'far, copy', 'far, noise': GLySAC")
    assert got[1].startswith("2. run 'misspelt': There is no method of this name: 'cpoy'")
    assert got[2].startswith("3. run 'of another task'")
    assert "did you mean 'copy'" in error.fix
    assert not (tmp_path / "store").exists()


def test_one_thing_that_every_run_lacks_is_three_lines(tmp_path: Path) -> None:
    with pytest.raises(MissingError) as raised:
        check_runs(runs_of(tmp_path, {"method": ["copy", "noise", "classic", "sdm"], "dataset": "fantom"})).stop()
    assert raised.value.message == "every run: There is no dataset of this name"
    assert "phantom" in raised.value.fix


def test_a_pool_is_asked_for_where_it_is_read(tmp_path: Path) -> None:
    line = {"method": "copy", "dataset": "phantom-tissue", "pool_dataset": "histodiffusion-pool"}
    assert check_runs(runs_of(tmp_path, line)).missing == []


def test_many_runs_are_counted(tmp_path: Path) -> None:
    lines = [{"method": ["copy", "noise", "classic", "sdm", "gradmix"], "dataset": "fantom"}, {"method": "real-only"}]
    with pytest.raises(MissingError) as raised:
        check_runs(runs_of(tmp_path, *lines)).stop()
    assert raised.value.message == "runs 'copy', 'noise', 'classic' and 2 more: There is no dataset of this name"
