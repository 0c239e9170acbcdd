"""What a dry run says of a whole suite: shared steps once, estimates, and what is the paper's."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.engine.reporter import Reporter
from bench.suite.check import check_runs
from bench.suite.dry_run import dry_run
from bench.suite.execute import run_all
from bench.suite.expand import expand
from bench.suite.file import Suite, find_suite
from tests.bench.suite.suites import TINY, suite

LINES = ({"method": "diffmix-b"}, {"method": "diffmix-e"}, {"method": "gradmix"})


def mine(folder: Path, **more: object) -> Suite:
    defaults = {**TINY, "controls": ["copy"], "evaluations": ["nuclei"], "encoders": []}
    return suite(folder, *LINES, defaults=defaults, **more)


def seen(folder: Path, found: Suite):
    given = {"threads": 1, "tracking": False, "store": folder / "store"}
    checked = check_runs(expand(found, given)).runs
    return checked, dry_run(found, checked)


def test_a_step_that_runs_share_is_counted_once(tmp_path: Path) -> None:
    _, found = seen(tmp_path, mine(tmp_path))
    counts = {stage: count.paper + count.controls for stage, count in found.stages.items()}
    # both splits; one diffusion model; a set of each method and of copy; a network for each arm
    assert counts == {"prepare": 2, "fit": 1, "synthesize": 4, "train": 5, "predict": 5, "evaluate": 5}
    assert sum(steps for steps, _ in found.runs.values()) > found.total.paper + found.total.controls
    assert found.total.cached == 0


def test_what_the_paper_does_not_have_is_a_control(tmp_path: Path) -> None:
    _, found = seen(tmp_path, mine(tmp_path, published={"layout": "diffmix-table1", "stand_in": {"consep": "phantom"}}))
    controls = [one.step.title for one in found.steps.values() if not one.of_paper]
    assert len(controls) == 4
    assert all("copy" in title for title in controls)
    assert found.document()["controls"] == 4


def test_a_second_budget_is_beside_the_papers(tmp_path: Path) -> None:
    budgets = [{"unit": "steps", "amount": 2}, {"unit": "steps", "amount": 3}]
    published = {"layout": "diffmix-table1", "stand_in": {"consep": "phantom"}}
    defaults = {**TINY, "budget": budgets, "evaluations": ["nuclei"], "encoders": []}
    found = suite(tmp_path, {"method": "gradmix"}, defaults=defaults, published=published)
    _, told = seen(tmp_path, found)
    assert (told.stages["train"].paper, told.stages["train"].controls) == (2, 2)
    assert (told.stages["synthesize"].paper, told.stages["synthesize"].controls) == (1, 0)


# Trainings of the paper's table, and of its controls.
@pytest.mark.parametrize(
    ("name", "paper", "controls"),
    [
        # 2 datasets x 5 arms x (5 + 4 folds); copy and noise in each
        ("diffmix_table1", 90, 36),
        # 3 datasets x 5 arms x 3 seeds; copy and noise in each, and all seven arms again at equal steps
        ("pathdiff_table5", 45, 81),
        ("diffmix_table1_smoke", 20, 0),
    ],
)
def test_a_published_protocol_lists_its_table_and_marks_the_controls(
    tmp_path: Path, name: str, paper: int, controls: int
) -> None:
    _, found = seen(tmp_path, find_suite(name))
    assert (found.stages["train"].paper, found.stages["train"].controls) == (paper, controls)
    assert found.stages["evaluate"].paper == paper
    # nothing that the table does not ask for
    assert set(found.stages) <= {"prepare", "census", "fit", "synthesize", "train", "predict", "evaluate"}
    assert found.total.seconds > 0
    # networks run on a GPU, and data are read and numbers computed without one
    total = found.total
    on_gpu = not name.endswith("_smoke")
    assert (0 < total.accelerator < total.seconds) == on_gpu
    assert found.stages["train"].accelerator == on_gpu * found.stages["train"].seconds
    assert found.stages["prepare"].accelerator == found.stages["evaluate"].accelerator == 0
    assert found.document()["estimate"]["accelerator_hours"] == total.accelerator / 3600
    assert not (tmp_path / "store").exists()


@pytest.mark.slow
def test_estimates_come_from_the_store_if_it_has_costs(tmp_path: Path) -> None:
    found = mine(tmp_path)
    checked, guessed = seen(tmp_path, found)
    assert (guessed.measured, guessed.machines) == (0.0, ["two CPU cores"])
    assert guessed.total.seconds > 0
    assert guessed.total.accelerator == 0
    assert guessed.total.memory_gib == checked[0].resolved.preset.memory_gib
    run_all(checked[:1], Reporter(quiet=True))
    _, told = seen(tmp_path, found)
    assert told.total.cached > 5
    assert told.measured > 0.5
    assert 0 < told.stages["train"].memory_gib != guessed.total.memory_gib
    assert told.total.seconds < guessed.total.seconds
