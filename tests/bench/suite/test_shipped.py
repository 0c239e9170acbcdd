"""The suites that ship: every request resolves, every published row is an arm of one of its runs."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from bench.plan.checks import check_conditions
from bench.run.resolve import resolve
from bench.suite.expand import SuiteRun, expand
from bench.suite.file import find_suite, published_table, suite_names
from bench.track import track_of

RUNS = [(name, run) for name in suite_names() for run in expand(find_suite(name), {})]


@pytest.mark.parametrize(("name", "run"), RUNS, ids=[f"{name}: {run.label}" for name, run in RUNS])
def test_every_request_resolves(name: str, run: SuiteRun) -> None:
    resolved = resolve(run.request)
    assert resolved.preset.name == ("smoke" if name.endswith("_smoke") else "paper")
    shown = {arm.name: arm.method.conditions for arm in resolved.arms}
    assert list(check_conditions(shown, resolved.card.name, track_of(resolved.card))) == []
    # what a method reads is there: the dataset's own, or a dataset named for it
    offered = {*resolved.splits, *resolved.other.roles} | ({"pool"} if resolved.card.labelled else set())
    assert resolved.roles <= offered


@pytest.mark.parametrize("name", [name for name in suite_names() if not name.endswith("_smoke")])
def test_a_suite_has_a_twin_with_its_runs(name: str) -> None:
    small = {entry.label for entry in find_suite(f"{name}_smoke").file.runs}
    whole = {entry.label for entry in find_suite(name).file.runs}
    assert small <= whole
    assert {label for label in whole - small if "pretrained ViT" not in str(label)} == set()


def histodiffusion() -> list[dict[str, str]]:
    return published("histodiffusion_table1")


def published(name: str) -> list[dict[str, str]]:
    table = published_table(find_suite(name))
    assert table is not None
    with Path(table).open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_published_values_are_complete_and_in_range() -> None:
    found = histodiffusion()
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
        settings = {item.removeprefix("method.") for item in run.request.overrides if item.startswith("method.")}
        variant = next(text for text, wanted in variants.items() if wanted == settings)
        for arm in resolve(run.request).arms:
            selection = arm.selection
            rule, ratio = ("", "") if selection is None else (selection.rule, str(selection.ratio))
            arms.add((arm.name, variant if selection is not None else "", rule, ratio))
    for row in histodiffusion():
        assert (row["method"], row["variant"], row["rule"], row["ratio"]) in arms


# Rows of each published table, their numbers that are missing because the table has none, and the columns of numbers.
PATHDIFF = {
    "pathdiff_table2": (30, 0, ("clip_fid", "kid")),
    "pathdiff_table3": (15, 0, ("fs1", "fs2")),
    "pathdiff_table4": (20, 4, ("clip_fid", "kid", "plip")),
    "pathdiff_table6": (8, 4, ("clip_fid", "kid", "plip")),
    "pathdiff_table7": (6, 0, ("clip_fid", "kid")),
    "pathdiff_table8": (12, 6, ("clip_fid", "kid", "plip")),
    "pathdiff_table9": (2, 0, ("lpips", "ssim", "mse", "clip_fid")),
}
RANGES = {
    **dict.fromkeys(("fs1", "fs2"), (0.6, 0.8)),
    **{"clip_fid": (5, 50), "kid": (0.03, 0.8), "plip": (20, 27), "lpips": (0.04, 0.05), "ssim": (0.79, 0.83)},
    "mse": (0.006, 0.009),
}


def test_every_table_of_pathdiff_has_a_suite() -> None:
    assert {name for name in suite_names() if "pathdiff" in name and not name.endswith("_smoke")} == set(PATHDIFF)


@pytest.mark.parametrize("name", PATHDIFF)
def test_published_values_of_pathdiff_are_complete_and_in_range(name: str) -> None:
    n, n_missing, columns = PATHDIFF[name]
    found = published(name)
    assert len(found) == n
    values = [(column, row[column]) for row in found for column in columns]
    assert sum(text == "" for _, text in values) == n_missing
    assert all(RANGES[column][0] < float(text) < RANGES[column][1] for column, text in values if text)


@pytest.mark.parametrize("name", PATHDIFF)
def test_every_published_row_of_pathdiff_is_of_a_run(name: str) -> None:
    runs = []
    for suite, run in RUNS:
        if suite == name:
            settings = dict(item.split("=", 1) for item in run.request.overrides)
            runs.append(
                {
                    "method": run.request.method,
                    "dataset": run.request.dataset,
                    "mask_dataset": run.request.data.get("mask", ""),
                    "p_split": settings.get("method.p_split"),
                    "autoencoder": "fine-tuned" if "method.autoencoder.finetune" in settings else "pre-trained",
                }
            )
    of_runs = [row for row in published(name) if row["method"] != "real"]
    told = [column for column in of_runs[0] if column in runs[0]]
    assert {tuple(row[column] for column in told) for row in of_runs} == {
        tuple(run[column] for column in told) for run in runs
    }
