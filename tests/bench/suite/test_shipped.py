"""The suites that ship: every request resolves, every published row is an arm of one of its runs."""

from __future__ import annotations

import pytest

from bench.plan.checks import check_conditions
from bench.registry import names
from bench.run.resolve import resolve
from bench.suite.expand import SuiteRun, expand
from bench.suite.file import find_suite, published_table, suite_names
from bench.suite.published import layout_names
from bench.track import track_of
from reports.published.table import says

RUNS = [(name, run) for name in suite_names() for run in expand(find_suite(name), {})]
PAPERS = [name for name in suite_names() if name != "tiny"]
"""The suites that repeat a table of a paper."""

# What stands at `smoke` for metrics whose weights must be fetched.
SMOKE_METRICS = {
    "clip_fid": "fd@random-convnet",
    "kid": "kd@random-convnet",
    "plip": "clip_similarity@caption-clip",
    "lpips": "perceptual@random-convnet",
}


@pytest.mark.parametrize(("name", "run"), RUNS, ids=[f"{name}: {run.label}" for name, run in RUNS])
def test_every_request_resolves(name: str, run: SuiteRun) -> None:
    resolved = resolve(run.request)
    assert resolved.preset.name == {"tiny": "tiny"}.get(name, "smoke" if name.endswith("_smoke") else "paper")
    shown = {arm.name: arm.method.conditions for arm in resolved.arms}
    assert list(check_conditions(shown, resolved.card.name, track_of(resolved.card), resolved.preset)) == []
    # what a method reads is there: the dataset's own, or a dataset named for it
    offered = {*resolved.splits, *resolved.other.roles} | ({"pool"} if resolved.card.labelled else set())
    assert resolved.roles <= offered


@pytest.mark.parametrize("name", [name for name in PAPERS if not name.endswith("_smoke")])
def test_a_suite_has_a_twin_with_its_runs(name: str) -> None:
    small = {entry.label for entry in find_suite(f"{name}_smoke").file.runs}
    whole = {entry.label for entry in find_suite(name).file.runs}
    assert small <= whole
    assert {label for label in whole - small if "pretrained ViT" not in str(label)} == set()


def test_every_table_that_is_known_has_a_suite() -> None:
    told = {name.replace("_", "-") for name in PAPERS if not name.endswith("_smoke")}
    assert told == set(layout_names())


@pytest.mark.parametrize("name", PAPERS)
def test_a_suite_names_its_table(name: str) -> None:
    found = find_suite(name)
    table = published_table(found)
    assert table is not None
    assert table.layout.name == name.removesuffix("_smoke").replace("_", "-")
    assert found.file.published is not None
    # a twin stands for datasets of the paper; the suite itself has them
    assert bool(found.file.published.stand_in) == name.endswith("_smoke")
    for paper, own in found.file.published.stand_in.items():
        if paper in table.layout.metrics:
            assert own in SMOKE_METRICS.get(paper, ())
        else:
            assert own in ("phantom", "phantom-tissue")
    if name.endswith("_smoke"):  # every column of the paper has a number of its own or a metric that stands for it
        assert SMOKE_METRICS.keys() & table.layout.metrics.keys() <= found.file.published.stand_in.keys()


@pytest.mark.parametrize("name", [name for name in PAPERS if not name.endswith("_smoke")])
def test_every_published_line_is_an_arm_of_a_run(name: str) -> None:
    """An arm of this name and variant, on this dataset, with this network; the paper's own real images aside."""
    table = published_table(find_suite(name))
    assert table is not None
    arms = []
    for suite, run in RUNS:
        if suite == name:
            resolved = resolve(run.request)
            networks = [network.name for network in resolved.networks]
            arms += [(resolved.card.name, networks, arm.name, arm.variant) for arm in resolved.arms]
    layout = table.layout
    for line in table.lines:
        dataset, network, method = (layout.asked(key, line.keys) for key in ("dataset", "downstream", "method"))
        assert any(
            arm[0] == dataset
            and network in ("", *arm[1])
            and arm[2] == method
            and says(arm[3], layout.variant(line.keys))
            for arm in arms
        ), line.keys


@pytest.mark.parametrize("name", [name for name in PAPERS if not name.endswith("_smoke")])
def test_every_arm_that_is_not_a_control_is_in_the_table(name: str) -> None:
    table = published_table(find_suite(name))
    assert table is not None
    assert {run.request.method for suite, run in RUNS if suite == name} <= table.arms


def test_the_tiny_suite_has_every_method_and_control_that_needs_no_files() -> None:
    resolved = [resolve(run.request) for suite, run in RUNS if suite == "tiny"]
    assert {one.card.name for one in resolved} == {"phantom", "phantom-tissue"}
    needs_files = {"external", "diffusers-folder", "pixcell-256", "mupad-256"}
    assert {arm.name for one in resolved for arm in one.arms} == set(names("methods")) - needs_files
