"""Plans: they list exactly the steps that a run does, with and without data, and leave the store alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bench.engine.reporter import Reporter
from bench.results.table import ResultsStore
from bench.suite.check import check_runs
from bench.suite.execute import run_all
from bench.suite.plan import plan
from tests.bench.suite.suites import runs_of

# A method that trains, one that only copies, and one that chooses from a pool on images with classes.
NUCLEI = {"method": "diffmix", "controls": ["copy"], "seeds": 2}
TISSUE = {"method": "stylegan2", "dataset": "phantom-tissue", "controls": [], "downstream": ["colour-histogram"]}


def stages(steps: object) -> Counter[str]:
    return Counter(step.step.stage for step in steps)  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize("line", [NUCLEI, TISSUE], ids=["nuclei", "tissue"])
def test_a_plan_lists_the_steps_of_the_run(tmp_path: Path, line: dict) -> None:
    (run,) = check_runs(runs_of(tmp_path, line)).runs
    before = plan(run.resolved, None, tmp_path / "before").steps
    assert not any(step.cached for step in before)
    assert not (tmp_path / "store").exists()
    (done,) = run_all([run], Reporter(quiet=True))
    assert done.outcome is not None
    document = ResultsStore(tmp_path / "store").document(done.outcome.run)
    after = plan(run.resolved, None, tmp_path / "after").steps
    assert {step.key for step in after} == set(document.steps)
    assert all(step.cached for step in after)
    assert not (tmp_path / "after").exists()
    # without data, the same steps; a pool of images without any training is not enough for most arms
    assert stages(before) == stages(after) or line is TISSUE
    assert stages(before)["select"] == (2 if line is TISSUE else 0)
    # with a part of the steps in the store, stand-ins fit to what was found: features of real images, and of one pool
    (more,) = check_runs(runs_of(tmp_path, line | {"seeds": 3})).runs
    partly = plan(more.resolved, None, tmp_path / "more").steps
    assert any(step.cached for step in partly)
    assert stages(step for step in partly if not step.cached)["train"] > 0
    if line is TISSUE:
        assert stages(step for step in partly if not step.cached)["select"] == 4


def test_the_steps_of_controls_are_marked(tmp_path: Path) -> None:
    (run,) = check_runs(runs_of(tmp_path, {"method": "diffmix", "controls": ["copy"], "dataset": "glysac"})).runs
    steps = plan(run.resolved, {"real-only", "diffmix"}, tmp_path).steps
    controls = {step.step.title.split(",")[0] for step in steps if not step.of_paper}
    assert "hovernet on copy" in controls
    assert not any("diffmix" in title or "real-only" in title for title in controls)
    # of a run that repeats no paper, all but the method are controls
    mine = [step for step in plan(run.resolved, None, tmp_path).steps if step.of_paper]
    assert any(step.step.title.startswith("hovernet on diffmix") for step in mine)
    assert not any(step.step.title.startswith("hovernet on copy") for step in mine)
    assert [step.step.title for step in plan(run.resolved, (), tmp_path).steps if step.of_paper] == [
        "glysac, train",
        "glysac, test",
    ]
