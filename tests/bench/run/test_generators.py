"""Runs that train the generator anew, at preset `tiny`: what each set is drawn by, and what rows say of it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from bench.config.validate import build
from bench.errors import ConfigError
from bench.results.artefacts import Artefacts
from bench.results.table import ALL_SEEDS, ResultsStore
from bench.run.outcome import Outcome
from bench.run.pipeline import run_request
from bench.run.remarks import remarks
from bench.run.resolve import resolve
from bench.suite.plan import plan
from tests.bench.conftest import request
from tests.golden.runs import TRAINED

pytestmark = pytest.mark.slow

SMALL = ("patches_per_tile=1", "max_samples=8", "reference_samples=8", "evaluations=[nuclei,faithfulness]", *TRAINED)


def asked(store: Path, **changes: object):
    return request(store, method="diffmix", controls=("copy",), seeds=2, overrides=SMALL, **changes)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("generators") / "store"


@pytest.fixture(scope="module")
def anew(store: Path) -> Outcome:
    return run_request(asked(store, generator_seeds=2))


def rows(outcome: Outcome, method: str = "diffmix") -> pd.DataFrame:
    table = ResultsStore(outcome.store).rows(outcome.run)
    return table[table["method"] == method]


def index(outcome: Outcome) -> Artefacts:
    return ResultsStore(outcome.store).document(outcome.run).index()


def test_each_set_is_drawn_by_the_generator_of_its_seed(anew: Outcome) -> None:
    parts = [one for one in index(anew) if (one.kind, one.method) == ("part", "diffmix")]
    sets = [one for one in index(anew) if (one.kind, one.method) == ("set", "diffmix")]
    assert [one.generation for one in parts] == [one.generation for one in sets] == [0, 1]
    assert len({one.key for one in parts}) == 2
    for part, made in zip(parts, sets, strict=True):
        manifest = json.loads((anew.store / made.folder / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["parts"] == {"sdm": part.key}
        assert json.loads((anew.store / part.folder / "job.json").read_text())["seed"] == part.generation


def test_masks_of_faithfulness_are_drawn_by_the_same_generators(anew: Outcome) -> None:
    manifests = [json.loads(path.read_text()) for path in (anew.store / "jobs/render-masks").glob("*/manifest.json")]
    of_method = {one["seed"]: one["parts"]["sdm"] for one in manifests if one["method"] == "diffmix"}
    assert of_method == {
        one.generation: one.key for one in index(anew) if (one.kind, one.method) == ("part", "diffmix")
    }


def test_rows_say_how_many_generators_are_behind_them(anew: Outcome) -> None:
    pq = rows(anew).query("metric == 'pq/image' and kind == 'score'")
    assert list(zip(pq["generation"], pq["generators"], strict=True)) == [
        (0, 1),
        (1, 1),
        (0, 1),
        (1, 1),
        (ALL_SEEDS, 2),
    ]
    assert set(rows(anew).query("kind == 'difference'")["generators"]) == {2}
    assert set(rows(anew, "copy")["generators"]) == set(rows(anew, "real-only")["generators"]) == {0}
    fs = rows(anew).query("metric == 'fs1/image' and kind == 'score'")
    assert list(zip(fs["generation"], fs["generators"], strict=True)) == [(0, 1), (1, 1), (ALL_SEEDS, 2)]


def test_a_row_of_one_set_was_made_with_one_generator(anew: Outcome) -> None:
    pq = rows(anew).query("metric == 'pq/image' and kind == 'score' and generation == 1")
    found = [one for one in index(anew).of(pq.iloc[0].to_dict()) if one.kind == "part"]
    assert [one.generation for one in found] == [1]


def test_costs_and_curves_are_those_of_every_generator(anew: Outcome) -> None:
    costs = rows(anew).query("metric == 'fit/sdm/seconds'")
    assert list(costs["generation"]) == [0, 1]
    names = {name for name, *_ in ResultsStore(anew.store).curves(anew.run)}
    assert {name.rpartition("/")[0] for name in names if name.startswith("fit/")} == {"fit/sdm/0", "fit/sdm/1"}


def test_the_first_generator_is_that_of_any_other_run(anew: Outcome, tmp_path: Path) -> None:
    plain = resolve(asked(anew.store, generation_seeds=2))
    steps = plan(plain, None, tmp_path / "plain").steps
    left = [planned.step for planned in steps if not planned.cached]
    assert {planned.step.seed for planned in steps if planned.step.stage == "fit"} == {0}
    # the second set is drawn by the first generator; with it come its masks, its networks and what is asked of them
    assert sorted(step.seed for step in left if step.stage in ("fit", "synthesize", "render-masks")) == [1, 1]
    assert len([step for step in left if step.stage == "train"]) == 2


def test_a_plan_counts_every_generator(store: Path, tmp_path: Path) -> None:
    steps = plan(resolve(asked(tmp_path / "store", generator_seeds=3)), None, tmp_path / "plan").steps
    assert sorted(one.step.seed for one in steps if one.step.stage == "fit") == [0, 1, 2]
    assert [one.step.title for one in steps if one.step.stage == "fit"] == ["sdm", "sdm, seed 1", "sdm, seed 2"]


def test_two_numbers_of_sets_are_refused(tmp_path: Path) -> None:
    fields = {"method": "diffmix", "dataset": "phantom", "generation_seeds": 2}
    with pytest.raises(ConfigError, match="numbers differ") as refused:
        build(type(asked(tmp_path)), {**fields, "generator_seeds": 3}, "the request")
    assert "--generator-seeds 3" in refused.value.fix
    assert resolve(asked(tmp_path, generation_seeds=2, generator_seeds=2)).replicates.own_generators


def test_a_method_that_trains_nothing_is_told_so(tmp_path: Path) -> None:
    nothing = resolve(request(tmp_path, method="gradmix", generator_seeds=2))
    assert "changes only what gradmix draws" in next(remarks(nothing))
    assert not list(remarks(resolve(asked(tmp_path, generator_seeds=2))))
    assert not list(remarks(resolve(request(tmp_path, method="gradmix", generation_seeds=2))))


def test_every_row_says_its_data_set_and_groups(anew: Outcome) -> None:
    table = ResultsStore(anew.store).rows(anew.run)
    (data,) = set(table["data"])
    assert len(data) == 16
    assert set(table.loc[table["method"] == "real-only", "set_digest"]) == {""}
    for method in ("diffmix", "copy"):
        assert (rows(anew, method)["set_digest"] != "").all()
    over = table[table["ci_method"].str.contains("groups")]
    assert len(over) > 10
    assert set(over["group_kind"]) == {"slide"}
    assert over["n_groups"].notna().all()
    assert set(table.loc[~table["ci_method"].str.contains("groups"), "group_kind"]) == {""}


def test_rows_over_seeds_have_one_short_digest_of_all_sets(anew: Outcome) -> None:
    pq = rows(anew).query("metric == 'pq/image' and kind == 'score'")
    single, together = pq[pq["generation"] >= 0], pq[pq["generation"] < 0]
    assert single["set_digest"].nunique() == 2
    (whole,) = together["set_digest"]
    assert len(whole) == 16
    assert whole not in set(single["set_digest"])
    assert set(rows(anew).query("kind == 'difference'")["set_digest"]) == {whole}


def test_different_networks_are_counted(anew: Outcome) -> None:
    pq = rows(anew).query("metric == 'pq/image' and kind == 'score'")
    assert list(pq["n_distinct"]) == [1, 1, 1, 1, 4]
    assert set(rows(anew, "real-only").query("metric == 'pq/image' and seed < 0")["n_distinct"]) == {2}
    assert set(rows(anew).query("metric == 'pq/image' and kind == 'difference'")["n_distinct"]) == {2}
