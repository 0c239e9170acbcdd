"""What a tracking server is told of a run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bench.results.document import RunDocument
from bench.results.table import ResultsStore, ScoreRow
from bench.tracking.record import CURVE_POINTS, metric_key, read_record
from tests import toy_results

DOCUMENT: dict[str, Any] = {
    "created": "2026-01-02T03:04:05+00:00",
    "dataset": "phantom",
    "method": "diffmix",
    "variant": "guidance_scale=2.0",
    "preset": "smoke",
    "harness": 1,
    "seeds": 3,
    "request": {"seeds": 3, "store": "/somewhere", "fold": None},
    "config": {"method": {"guidance_scale": 2.0, "sdm": {"width": 32}}},
    "digests": {"train": "aa", "test": "bb"},
    "versions": {"numpy": "2.0"},
    "steps": {"k": "fit"},
}


def document(**changes: Any) -> RunDocument:
    return RunDocument.model_validate({**DOCUMENT, **changes})


def make_store(folder: Path, seeds: int = 3) -> ResultsStore:
    store = ResultsStore(folder)
    store.write("run-1", toy_results.rows(seeds=seeds), document())
    lines = [{"name": "sdm/loss", "step": step, "value": 1.0 / (1 + step)} for step in range(1000)]
    lines += [{"name": "sdm/loss", "step": 0, "value": 7.0}, {"name": "lr", "step": 5, "value": 0.1}]
    (store.folder("run-1") / "curves.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (store.folder("run-1") / "leaderboard.md").write_text("# table")
    return store


def test_record_names_the_run_and_its_configuration(tmp_path: Path) -> None:
    make_store(tmp_path)
    record = read_record(tmp_path, "run-1")
    assert record.experiment == "phantom"
    assert record.title == "diffmix · guidance_scale=2.0 · smoke"
    assert record.created_ms == 1767323045000
    assert record.parameters["config.method.sdm.width"] == "32"
    assert "request.store" not in record.parameters
    assert "request.fold" not in record.parameters
    assert record.tags["bench.run"] == "run-1"
    assert record.tags["bench.harness"] == "1"
    assert record.tags["bench.digests.train"] == "aa"
    assert [path.name for path in record.artifacts] == ["run-1.json", "run-1.parquet", "leaderboard.md"]


def test_metrics_are_those_of_all_seeds_with_intervals_and_the_controls_beside_them(tmp_path: Path) -> None:
    make_store(tmp_path)
    metrics = read_record(tmp_path, "run-1").metrics
    assert metrics["pq/image"] == pytest.approx(0.39)  # all seeds, not 0.39 + 0.008 of the last one
    assert metrics["pq/image_low"] == pytest.approx(0.366)
    assert metrics["real-only/pq/image"] == pytest.approx(0.36)
    assert metrics["difference/pq/image"] == pytest.approx(0.03)
    assert metrics["fd:random-convnet/test"] == 4.2
    assert metrics["f_type/epithelial_high"] == pytest.approx(0.413)
    assert metrics["noise/cost/seconds/train"] == 61.0
    assert not any("miscellaneous" in name for name in metrics)
    assert all(re.fullmatch(r"[A-Za-z0-9_\-. :/]+", name) for name in metrics)


def test_arms_of_one_method_are_told_apart(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    made = [
        row.model_copy(update={"variant": "random 50%"} if row.method == "diffmix" else {})
        for row in toy_results.rows()
    ]
    other = [row for row in toy_results.rows(shift=0.1, variant="centroid 100%") if row.method == "diffmix"]
    store.write("run-1", [*other, *made, *other], document(variant="random 50%"))
    metrics = read_record(tmp_path, "run-1").metrics
    assert metrics["pq/image"] == pytest.approx(0.39)
    assert metrics["centroid 100-/pq/image"] == pytest.approx(0.49)
    assert metrics["real-only/pq/image"] == pytest.approx(0.36)


def test_of_one_seed_alone_its_numbers_are_told(tmp_path: Path) -> None:
    make_store(tmp_path, seeds=1)
    assert read_record(tmp_path, "run-1").metrics["pq/image"] == pytest.approx(0.39)


def test_curves_are_thinned_and_the_last_record_of_a_step_counts(tmp_path: Path) -> None:
    make_store(tmp_path)
    curves = read_record(tmp_path, "run-1").curves
    loss = [(step, value) for name, step, value in curves if name == "curve/sdm/loss"]
    assert len(loss) == CURVE_POINTS
    assert [step for step, _ in loss] == sorted({step for step, _ in loss})
    assert loss[0] == (0, 7.0)
    assert loss[-1] == (999, 1 / 1000)
    assert ("curve/lr", 5, 0.1) in curves


def test_content_sees_numbers_and_pictures_but_not_the_time_or_reuse(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    before = read_record(tmp_path, "run-1").content
    store.write("run-1", toy_results.rows(seeds=3), document(created="2027-01-01T00:00:00+00:00", steps={}))
    assert read_record(tmp_path, "run-1").content == before
    (store.folder("run-1") / "leaderboard.md").write_text("# other")
    changed = read_record(tmp_path, "run-1").content
    assert changed != before
    store.write("run-1", toy_results.rows(seeds=3, shift=0.01), document())
    assert read_record(tmp_path, "run-1").content not in {before, changed}


def test_metric_keys_hold_what_mlflow_allows() -> None:
    assert metric_key("fd@random-convnet[test]") == "fd:random-convnet/test"
    assert metric_key("Δ é") == "- -"


def test_sets_of_several_generation_seeds_count_together_and_spreads_have_names(tmp_path: Path) -> None:
    shared = {"run": "r", "dataset": "phantom", "method": "diffmix", "preset": "smoke", "reason": "no interval"}
    distances = [
        ScoreRow(
            **shared, metric="fd@x", encoder="x:1", split="test", value=value, generation=generation, generations=n
        )
        for value, generation, n in ((3.0, 0, 1), (4.0, -1, 2), (5.0, 1, 1))
    ]
    spreads = [
        ScoreRow(**shared, kind="spread", metric="pq/image", value=value, aggregation=f"sd over {name} seeds")
        for value, name in ((0.012, "training"), (0.003, "generation"))
    ]
    ResultsStore(tmp_path).write("r", [*distances, *spreads], document(variant=""))
    metrics = read_record(tmp_path, "r").metrics
    assert metrics == {
        "fd:x/test": 4.0,
        "sd over training seeds/pq/image": 0.012,
        "sd over generation seeds/pq/image": 0.003,
    }


def test_a_record_says_its_verdict_its_leak_and_every_remark(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    clean = read_record(tmp_path, "run-1")
    assert clean.tags["bench.verdict"] == "pq/image: better"
    assert "this one trained generator" in clean.tags["bench.remarks"]
    assert "bench.leak" not in clean.tags
    store.write("run-1", [*toy_results.rows(seeds=3), toy_results.leak()], document())
    leaky = read_record(tmp_path, "run-1")
    assert leaky.tags["bench.leak"] == "⚠ contains test images"
    assert leaky.title == "⚠ contains test images · diffmix · guidance_scale=2.0 · smoke"
    assert "bench.verdict" not in leaky.tags
