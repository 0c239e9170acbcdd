"""The suites that ship: every request resolves, every published row is an arm of one of its runs."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import pytest

from bench.registry import names, point
from bench.run.resolve import resolve
from bench.suite.expand import SuiteRun, expand
from bench.suite.file import find_suite, published_table, suite_names

RUNS = [(name, run) for name in suite_names() for run in expand(find_suite(name), {})]


def require_plugins(run: SuiteRun) -> None:
    """Skip where a plugin is not registered or its package is not there; whether ours load is tested elsewhere."""
    wanted = [("methods", run.request.method), *(("downstream", name) for name in run.request.downstream or ())]
    for group, name in wanted:
        if name not in names(group) or importlib.util.find_spec(point(group, str(name)).module) is None:
            pytest.skip(f"{name} is not among the installed {group}")


@pytest.mark.parametrize(("name", "run"), RUNS, ids=[f"{name}: {run.label}" for name, run in RUNS])
def test_every_request_resolves(name: str, run: SuiteRun) -> None:
    require_plugins(run)
    resolved = resolve(run.request)
    assert resolved.preset.name == ("smoke" if name.endswith("_smoke") else "paper")
    assert resolved.card.task == "tissue"
    # what a method reads is there: the dataset's own, or a dataset named for it
    offered = {*resolved.splits, *resolved.others} | ({"pool"} if resolved.card.labelled else set())
    assert resolved.roles <= offered


@pytest.mark.parametrize("name", suite_names())
def test_a_twin_has_the_runs_of_its_suite(name: str) -> None:
    if not name.endswith("_smoke"):
        pytest.skip("no twin")
    small = {entry.label for entry in find_suite(name).file.runs}
    whole = {entry.label for entry in find_suite(name.removesuffix("_smoke")).file.runs}
    assert small <= whole
    assert {label for label in whole - small if "pretrained ViT" not in str(label)} == set()


def rows() -> list[dict[str, str]]:
    table = published_table(find_suite("histodiffusion_table1"))
    assert table is not None
    with Path(table).open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_published_values_are_complete_and_in_range() -> None:
    found = rows()
    assert len(found) == 21
    assert [row["table"] for row in found].count("main") == 11
    for row in found:
        assert row["method"] in ("real-only", "stylegan2", "histodiffusion")
        assert (row["fid"] == "") == (row["method"] == "real-only")
        assert 0.8 < float(row["accuracy"]) < 1
        others = [row[name] for name in ("f1", "sensitivity", "specificity")]
        assert all(others) if row["table"] == "main" else not any(others)
        # specification, section 4.8: sensitivity is the support-weighted one, which is the accuracy
        if row["sensitivity"]:
            assert abs(float(row["sensitivity"]) - float(row["accuracy"])) < 0.0011


def test_every_published_row_is_an_arm() -> None:
    variants = {"": set(), "without fine-tuning": {"finetune=false"}, "without pre-training": {"pretrain=false"}}
    arms = set()
    for name, run in RUNS:
        if name != "histodiffusion_table1" or run.request.downstream == ("vit-pretrained",):
            continue
        require_plugins(run)
        settings = {item.removeprefix("method.") for item in run.request.overrides if item.startswith("method.")}
        variant = next(text for text, wanted in variants.items() if wanted == settings)
        for arm in resolve(run.request).arms:
            selection = arm.selection
            rule, ratio = ("", "") if selection is None else (selection.rule, str(selection.ratio))
            arms.add((arm.name, variant if selection is not None else "", rule, ratio))
    for row in rows():
        assert (row["method"], row["variant"], row["rule"], row["ratio"]) in arms
