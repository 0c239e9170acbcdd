"""Generators trained anew in runs that vary something else too: ratios, rules of selection, folds, workers."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from bench.results.artefacts import Artefact
from bench.results.table import ALL_FOLDS, ALL_SEEDS, ResultsStore
from bench.run.outcome import Outcome
from bench.run.pipeline import run_request
from tests.bench.conftest import request
from tests.golden.runs import TRAINED

pytestmark = pytest.mark.slow

SMALL = ("patches_per_tile=1", "max_samples=8", "reference_samples=8", "evaluations=[nuclei]", *TRAINED)
FOLDED = """
extends: phantom
default_preset: tiny
protocols: {fixed: {folds: 2}}
extra:
  size: 96
  splits:
    train: {slides: 4, tiles: 2}
    test: {slides: 2, tiles: 1}
    fresh: {slides: 1, tiles: 1}
"""


def of_method(outcome: Outcome, kind: str, method: str = "diffmix") -> list[Artefact]:
    index = ResultsStore(outcome.store).document(outcome.run).index()
    return [one for one in index if (one.kind, one.method) == (kind, method)]


def parts_of(outcome: Outcome, made: Artefact) -> set[str]:
    manifest = json.loads((outcome.store / made.folder / "manifest.json").read_text(encoding="utf-8"))
    return set(manifest["parts"].values())


def rows(outcome: Outcome, method: str = "diffmix", kind: str = "score") -> pd.DataFrame:
    table = ResultsStore(outcome.store).rows(outcome.run)
    return table[(table["method"] == method) & (table["kind"] == kind)]


def test_each_ratio_is_a_part_of_what_each_generator_drew(tmp_path: Path) -> None:
    asked = request(tmp_path, controls=("copy",), seeds=2, generator_seeds=2, ratios=(0.25, 0.5), overrides=SMALL)
    found = run_request(asked)
    trained = {one.generation: one.key for one in of_method(found, "part")}
    assert sorted(trained) == [0, 1]
    assert len(set(trained.values())) == 2
    sets = of_method(found, "set")
    assert {(one.variant, one.generation) for one in sets} == {(v, g) for v in ("0.25x", "0.5x") for g in (0, 1)}
    assert all(parts_of(found, one) == {trained[one.generation]} for one in sets)
    pq = rows(found).query("metric == 'pq/image' and seed == -1 and generation == -1")
    assert list(zip(pq["variant"], pq["generators"], strict=True)) == [("0.25x", 2), ("0.5x", 2)]
    assert set(rows(found, kind="difference")["generators"]) == {2}


def test_each_rule_chooses_from_the_pool_of_each_generator(tmp_path: Path) -> None:
    settings = ("max_samples=6", "method.selection=[{rule: random, ratio: 0.5}]", "evaluations=[tissue]")
    found = run_request(
        request(
            tmp_path,
            method="histodiffusion",
            dataset="phantom-tissue",
            controls=(),
            seeds=2,
            generator_seeds=2,
            overrides=settings,
        )
    )
    names = {one.key: one.generation for one in of_method(found, "part", "histodiffusion")}
    assert sorted(set(names.values())) == [0, 1]
    sets = of_method(found, "set", "histodiffusion")
    assert [one.generation for one in sets] == [0, 1]
    assert len({one.digest for one in sets}) == 2
    for one in sets:
        assert {names[key] for key in parts_of(found, one)} == {one.generation}
    accuracy = rows(found, "histodiffusion").query("metric == 'accuracy' and seed == -1 and generation == -1")
    assert set(accuracy["generators"]) == {2}


def test_each_fold_trains_its_generators(tmp_path: Path) -> None:
    card = tmp_path / "folded.yaml"
    card.write_text(FOLDED, encoding="utf-8")
    found = run_request(
        request(
            tmp_path / "store",
            dataset=str(card),
            protocol="fixed",
            controls=(),
            generation_seeds=2,
            generator_seeds=2,
            overrides=SMALL,
        )
    )
    parts = of_method(found, "part")
    assert {(one.fold, one.generation) for one in parts} == {(f, g) for f in ("1/2", "2/2") for g in (0, 1)}
    assert len({one.key for one in parts}) == 4
    trained = {(one.fold, one.generation): one.key for one in parts}
    assert all(parts_of(found, one) == {trained[one.fold, one.generation]} for one in of_method(found, "set"))
    scores = rows(found)
    over = scores[
        (scores["metric"] == "pq/image") & (scores["fold"] == ALL_FOLDS) & (scores["generation"] == ALL_SEEDS)
    ]
    assert set(over["generators"]) == {4}


def test_two_workers_give_the_table_of_one(tmp_path: Path) -> None:
    tables = []
    for jobs in (1, 2):
        found = run_request(
            request(tmp_path / str(jobs), controls=(), seeds=2, generator_seeds=2, jobs=jobs, overrides=SMALL)
        )
        table = ResultsStore(found.store).rows(found.run)
        tables.append(table[table["kind"] != "cost"].reset_index(drop=True))
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    of_all = tables[0][(tables[0]["method"] == "diffmix") & (tables[0]["generation"] == ALL_SEEDS)]
    assert set(of_all["generators"]) == {2}
