"""Versions: a bump of each kind does exactly the dependent steps again and publishes under the new version.

Keys hang on content: a method of a new version draws its images anew, and where they are the same as before, nothing
that follows from them is done again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pandas as pd
import pytest

from bench.evaluation.acceptance import Acceptance
from bench.evaluation.distances.evaluation import Distances
from bench.evaluation.distances.steps import Compare
from bench.evaluation.faithfulness import Faithfulness
from bench.evaluation.leakage import Leakage
from bench.evaluation.nuclei import Nuclei
from bench.registry import load
from bench.results.table import ResultsStore, merge_rows, read_rows
from bench.run import publish
from bench.run.outcome import Outcome
from bench.run.pipeline import run_request
from bench.stages.fit import Fit
from bench.stages.predict import Predict
from bench.stages.prepare import Prepare
from metrics import table
from reports.board import Leaderboard
from reports.leaderboard import leaderboard
from tests.bench.conftest import request
from tests.bench.run.stages import stages

pytestmark = pytest.mark.slow

Patch = pytest.MonkeyPatch
Bumped = Callable[[str], tuple[Outcome, dict[str, int]]]


def bump_metric(patch: Patch, mapping: str, id: str) -> None:
    known = getattr(table, mapping)
    patch.setattr(table, mapping, {**known, id: replace(known[id], protocol_version=known[id].protocol_version + 1)})


def bump(kind: type) -> Callable[[Patch], None]:
    return lambda patch: patch.setattr(kind, "version", kind.version + 1)


def bump_plugin(group: str, name: str) -> Callable[[Patch], None]:
    return lambda patch: patch.setattr(load(group, name), "version", load(group, name).version + 1)


BUMPS: Mapping[str, tuple[Callable[[Patch], None], dict[str, int]]] = {
    "metric of features": (lambda patch: bump_metric(patch, "FAMILIES", "fd"), {"fidelity": 2}),
    "metric of memory": (lambda patch: bump_metric(patch, "FAMILIES", "copy_rate"), {"fidelity": 1}),
    "metric of images": (lambda patch: bump_metric(patch, "METRICS", "pq/image"), {"evaluate": 2}),
    "metric of masks": (lambda patch: bump_metric(patch, "METRICS", "fs1/image"), {"faithfulness": 1}),
    "method": (bump_plugin("methods", "diffmix"), {"synthesize": 1, "render-masks": 1}),
    "method that another shares a part with": (
        bump_plugin("methods", "sdm"),
        {"fit": 1, "synthesize": 1, "render-masks": 1},
    ),
    "network": (bump_plugin("downstream", "hovernet"), {"train": 2, "predict": 4, "evaluate": 2, "faithfulness": 1}),
    "encoder": (bump_plugin("encoders", "random-convnet"), {"features": 4, "fidelity": 2, "nearness": 1}),
    "evaluation of predictions": (bump(Nuclei), {"evaluate": 2}),
    "evaluation of sets": (bump(Distances), {"fidelity": 4}),
    "evaluation of masks": (bump(Faithfulness), {"faithfulness": 1}),
    "evaluation of leaks": (bump(Leakage), {"leakage": 1, "nearness": 1}),
    "evaluation without steps": (bump(Acceptance), {}),
    "harness": (lambda patch: patch.setattr(publish, "PROTOCOL", publish.PROTOCOL + 1), {}),
    "step whose output is the same": (bump(Prepare), {"prepare": 2}),
    "step of training": (bump(Fit), {"fit": 1, "synthesize": 1, "render-masks": 1}),
    "step of predictions": (bump(Predict), {"predict": 4, "evaluate": 2, "faithfulness": 1}),
    "step of comparisons": (bump(Compare), {"fidelity": 4}),
}


@pytest.fixture(scope="module")
def old(tiny: Outcome, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A finished run of DiffMix beside the baseline, one seed, in a store of its own."""
    store = tmp_path_factory.mktemp("versions") / "store"
    shutil.copytree(tiny.store, store)
    return run_request(request(store, controls=()))


def again(old: Outcome, bumping: Callable[[Patch], None]) -> tuple[Outcome, dict[str, int]]:
    """Run once more under a bumped version; return the new outcome, and how many steps of each stage were done."""
    before = stages(old.store)
    with pytest.MonkeyPatch.context() as patch:
        bumping(patch)
        new = run_request(request(old.store, controls=()))
    done = stages(old.store) - before
    assert new.steps - new.reused == done.total()
    return new, dict(done)


def rows(*outcomes: Outcome) -> pd.DataFrame:
    root = ResultsStore(outcomes[0].store).root
    frame = read_rows([root / f"{outcome.run}.parquet" for outcome in outcomes])
    return frame[frame["kind"] != "cost"]


def board(*outcomes: Outcome) -> Leaderboard:
    (found,) = leaderboard(merge_rows(rows(*outcomes)))
    return found


@pytest.fixture(scope="module")
def bumped(old: Outcome) -> Bumped:
    """Return what became of the run under a kind of bump, each done once."""
    return cache(lambda kind: again(old, BUMPS[kind][0]))


@pytest.mark.parametrize("kind", BUMPS)
def test_what_depends_on_a_version_is_done_again_and_nothing_else(old: Outcome, bumped: Bumped, kind: str) -> None:
    was = rows(old)
    new, done = bumped(kind)
    assert done == BUMPS[kind][1]
    assert new.run != old.run
    pd.testing.assert_frame_equal(rows(old), was)
    # the same numbers, for no code was changed: only their versions and their run differ
    changing = ["run", "protocol", "harness"]
    pd.testing.assert_frame_equal(rows(new).drop(columns=changing), was.drop(columns=changing))
    assert set(merge_rows(rows(old, new)).drop_duplicates(["metric", "harness", "protocol"])["run"]) >= {new.run}


@pytest.mark.parametrize(
    ("kind", "metric"),
    [
        ("metric of features", "fd@random-convnet"),
        ("metric of memory", "copy_rate@random-convnet"),
        ("metric of images", "pq/image"),
        ("metric of masks", "fs1/image"),
    ],
)
def test_rows_carry_the_new_version_of_a_metric_and_boards_leave_the_old_ones_out(
    old: Outcome, bumped: Bumped, kind: str, metric: str
) -> None:
    new, _ = bumped(kind)
    found = rows(old, new)
    versions = found.groupby(["run", "metric"])["protocol"].unique().map(list).unstack("run")
    (before,), (after,) = versions.loc[metric, [old.run, new.run]]
    assert after == before + 1
    others = versions.drop(index=metric)
    assert (others[old.run] == others[new.run]).all()
    n_old = int((rows(old)["metric"] == metric).sum())
    assert board(old, new).outdated == n_old > 0
    assert board(old).outdated == board(new).outdated == 0


def test_rows_carry_the_new_version_of_the_harness(old: Outcome, bumped: Bumped) -> None:
    new, _ = bumped("harness")
    assert set(rows(old)["harness"]) == {publish.PROTOCOL}
    assert set(rows(new)["harness"]) == {publish.PROTOCOL + 1}
    assert ResultsStore(new.store).document(new.run).harness == publish.PROTOCOL + 1
    assert board(old, new).outdated == len(rows(old))


@pytest.mark.parametrize(
    ("kind", "stage", "plugin"),
    [
        ("method", "synthesize", "method"),
        ("network", "train", "network"),
        ("encoder", "features", "encoder"),
        ("evaluation of predictions", "evaluate", "evaluation:nuclei"),
        ("evaluation of sets", "fidelity", "evaluation:distances"),
    ],
)
def test_steps_of_a_run_say_the_versions_of_plugins(
    old: Outcome, bumped: Bumped, kind: str, stage: str, plugin: str
) -> None:
    new, _ = bumped(kind)
    said_by = []
    for outcome in (old, new):
        steps = ResultsStore(outcome.store).document(outcome.run).steps
        keys = [key for key, of in steps.items() if of == stage]
        said = [json.loads((outcome.store / "jobs" / stage / key / "job.json").read_text()) for key in keys]
        (version,) = {document["versions"][plugin] for document in said if _of(document, plugin)}
        said_by.append(version)
    assert said_by[1] == said_by[0] + 1


def _of(document: Mapping[str, Any], plugin: str) -> bool:
    """Say whether a step used the plugin; features of colours use no encoder."""
    return plugin != "encoder" or not str(document["config"]["encoder"]).startswith("colour")


def test_no_board_shows_two_versions_of_a_metric(old: Outcome, bumped: Bumped) -> None:
    """An arm that was measured only under the older version has no number in the column of the newer one."""
    new, _ = bumped("metric of images")
    early = rows(old)
    other = early[early["method"] == "diffmix"].assign(method="older")
    (found,) = leaderboard(pd.concat([other, rows(new)], ignore_index=True))
    cells = {row.method: row.cells for row in found.rows}
    column = next(column for column in found.columns if column.metric == "pq/image" and column.kind == "score")
    assert column in cells["diffmix"]
    assert column not in cells["older"]
