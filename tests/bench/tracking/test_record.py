"""What a tracking server is told of a run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.results.table import ResultsStore, ScoreRow
from bench.tracking.reading import read_record
from bench.tracking.record import Record
from tests import toy_results
from tests.bench.tracking.toy_store import document, make_store


def child(record: Record, name: str) -> Record:
    return next(one for one in record.children if one.name == name)


def test_record_names_the_run_and_its_configuration(tmp_path: Path) -> None:
    make_store(tmp_path)
    record = read_record(tmp_path, "run-1")
    top = record.top
    assert record.experiment == "phantom"
    assert top.name == "diffmix · guidance_scale=2.0 · smoke · 3 seeds"
    assert top.parameters["config.method.sdm.width"] == "32"
    assert "request.store" not in top.parameters
    assert "request.fold" not in top.parameters
    assert top.tags["bench.run"] == "run-1"
    assert top.tags["bench.harness"] == "1"
    assert top.tags["mlflow.source.name"] == "bench run --method diffmix --dataset phantom --preset smoke"
    assert [path.name for path in top.artifacts] == ["run-1.json", "run-1.parquet", "leaderboard.md"]


def test_a_run_has_few_numbers_and_all_of_its_own_method(tmp_path: Path) -> None:
    make_store(tmp_path)
    record = read_record(tmp_path, "run-1")
    metrics = record.top.metrics
    assert metrics["pq"] == pytest.approx(0.39)  # all seeds, not 0.39 + 0.008 of the last one
    assert metrics["pq difference"] == pytest.approx(0.03)
    assert metrics["kd_test:random-convnet"] == pytest.approx(0.0042)
    assert record.primary == "pq"
    assert set(record.headline) <= set(metrics)
    assert len(metrics) <= 16
    for one in record.top.all():
        assert not any(name.endswith(("_low", "_high")) or "real-only" in name for name in one.metrics)
        assert all(re.fullmatch(r"[A-Za-z0-9_\-. :/]+", name) for name in one.metrics)


def test_arms_and_seeds_are_children_with_the_same_names(tmp_path: Path) -> None:
    make_store(tmp_path)
    top = read_record(tmp_path, "run-1").top
    assert [(one.name, one.tags["bench.role"]) for one in top.children] == [
        ("diffmix", "method"),
        ("real-only", "control"),
        ("copy", "control"),
        ("noise", "control"),
    ]
    assert child(top, "real-only").metrics["pq"] == pytest.approx(0.36)
    seeds = child(top, "diffmix").children
    assert [one.name for one in seeds] == ["seed 0", "seed 1", "seed 2"]
    assert [one.metrics["pq"] for one in seeds] == pytest.approx([0.39, 0.394, 0.398])
    assert [one.metrics["kd_test:random-convnet"] for one in seeds] == pytest.approx([0.0042] * 3)
    assert seeds[1].parameters == {"method": "diffmix", "network": "hovernet", "seed": "1", "generation_seed": "0"}


def test_one_seed_needs_no_children_of_arms(tmp_path: Path) -> None:
    make_store(tmp_path, seeds=1)
    arm = child(read_record(tmp_path, "run-1").top, "diffmix")
    assert arm.children == ()
    assert {point.name for point in arm.curves} == {"sdm/loss", "training/loss"}


def test_folds_are_children_of_arms_and_their_mean_is_the_number_of_the_run(tmp_path: Path) -> None:
    def of_fold(fold: str, value: float, seeds: int) -> list[ScoreRow]:
        base = {"run": "r", "dataset": "phantom", "preset": "smoke", "fold": fold, "reason": "no interval"}
        arms = {"real-only": 0.0, "diffmix": 0.1}
        about = {"split": "test", "downstream": "hovernet", "direction": "higher", "metric": "pq/image"}
        seed = {"seed": -1, "seeds": seeds} if seeds > 1 else {}
        return [ScoreRow(**base, **about, **seed, method=arm, value=value + more) for arm, more in arms.items()]

    rows = [*of_fold("1/2", 0.2, 1), *of_fold("2/2", 0.4, 1), *of_fold("all", 0.3, 2)]
    ResultsStore(tmp_path).write("r", rows, document(variant="", digests={"test 1/2": "a" * 64, "test 2/2": "b" * 64}))
    top = read_record(tmp_path, "r").top
    assert top.metrics["pq"] == pytest.approx(0.4)
    folds = child(top, "diffmix").children
    assert [(one.name, one.metrics["pq"]) for one in folds] == [("fold 1/2 · seed 0", 0.3), ("fold 2/2 · seed 0", 0.5)]
    assert [one.inputs[-1].name for one in folds] == ["phantom test 1/2", "phantom test 2/2"]


def test_arms_of_one_method_are_told_apart(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    own = [row for row in toy_results.rows(variant="random 50%") if row.method == "diffmix"]
    other = [row for row in toy_results.rows(shift=0.1, variant="centroid 100%") if row.method == "diffmix"]
    controls = [row for row in toy_results.rows() if row.method != "diffmix"]
    store.write("run-1", [*controls, *other, *own], document(variant="random 50%"))
    top = read_record(tmp_path, "run-1").top
    assert top.metrics["pq"] == pytest.approx(0.39)
    assert child(top, "diffmix (centroid 100%)").metrics["pq"] == pytest.approx(0.49)
    assert child(top, "diffmix (random 50%)").metrics["pq"] == pytest.approx(0.39)


def test_times_are_those_of_the_work(tmp_path: Path) -> None:
    make_store(tmp_path)
    top = read_record(tmp_path, "run-1").top
    assert top.started_ms == 1767322800000  # 2026-01-02T03:00:00
    assert top.ended_ms - top.started_ms == 245_000
    assert child(top, "diffmix").ended_ms - child(top, "diffmix").started_ms == 230_000
    # the baseline was trained a day earlier, by another run
    assert child(top, "real-only").started_ms == 1767225600000
    assert "2 steps, 3 min 20 s of work. 1 steps were reused from earlier runs (1 min 0 s)" in top.note
    assert [point.value for point in top.usage] == [50.0, 51.0, 52.0]
    assert top.usage[1].name == "system/cpu_utilization_percentage"
    assert top.usage[1].time == 1767322822000
    assert [point.value for point in child(top, "real-only").usage] == [1.0]


def test_an_older_document_has_a_duration_that_is_called_an_estimate(tmp_path: Path) -> None:
    make_store(tmp_path, started="", ended="", timings={})
    top = read_record(tmp_path, "run-1").top
    assert top.ended_ms == 1767323045000
    assert top.ended_ms - top.started_ms == 4 * 61_000
    assert "it is estimated" in top.note


def test_data_are_named_with_their_digests(tmp_path: Path) -> None:
    make_store(tmp_path)
    top = read_record(tmp_path, "run-1").top
    assert [(one.name, one.digest, one.context) for one in top.inputs] == [
        ("phantom by diffmix (seed 0)", "d" * 16, "synthetic"),
        ("phantom train", "a" * 16, "training"),
        ("phantom test", "b" * 16, "testing"),
        ("pathcap (text)", "c" * 16, "text"),
    ]
    assert top.inputs[0].source == "jobs/synthesize/set"
    assert len(child(top, "real-only").inputs) == 3


def test_curves_are_thinned_and_belong_to_their_arm_and_seed(tmp_path: Path) -> None:
    make_store(tmp_path)
    top = read_record(tmp_path, "run-1").top
    assert top.curves == ()
    arm = child(top, "diffmix")
    assert [(point.name, point.step, point.value) for point in arm.curves] == [("sdm/loss", 5, 0.1)]
    loss = arm.children[0].curves
    assert len(loss) == 100
    assert [point.step for point in loss] == sorted({point.step for point in loss})
    assert (loss[0].value, loss[-1].step, loss[-1].value) == (7.0, 999, 1 / 1000)
    assert arm.children[1].curves == ()


def test_tables_have_the_intervals(tmp_path: Path) -> None:
    make_store(tmp_path)
    top = read_record(tmp_path, "run-1").top
    board = top.tables["leaderboard.json"]
    row = board["arm"].index("diffmix")
    assert board["pq"][row] == "0.39 [0.366, 0.413]"
    assert board["pq difference"][row] == "+0.03 [+0.015, +0.045]"
    assert board["verdict"][row].startswith("better")
    numbers = top.tables["numbers.json"]
    index = list(zip(numbers["arm"], numbers["metric"], strict=True)).index(("diffmix", "f_type[epithelial]"))
    assert (numbers["value"][index], numbers["high"][index]) == pytest.approx((0.39, 0.413))
    assert set(child(top, "copy").tables["numbers.json"]["arm"]) == {"copy"}
    assert "0.39 [0.366, 0.413]" in top.note


def test_the_page_escapes_names(tmp_path: Path) -> None:
    rows = [
        row.model_copy(update={"method": "<script>"} if row.method == "diffmix" else {}) for row in toy_results.rows()
    ]
    ResultsStore(tmp_path).write("r", rows, document(method="<script>"))
    page = read_record(tmp_path, "r").top.pages["leaderboard.html"]
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_content_sees_numbers_and_pictures_but_not_the_time_or_reuse(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    before = read_record(tmp_path, "run-1").content
    later = {"created": "2027-01-01T00:00:00+00:00", "started": "2026-01-02T03:00:05+00:00"}
    store.write("run-1", toy_results.rows(seeds=3), document(**later))
    assert read_record(tmp_path, "run-1").content == before
    assert read_record(tmp_path, "run-1", models=True).content != before
    (store.folder("run-1") / "leaderboard.md").write_text("# other")
    changed = read_record(tmp_path, "run-1").content
    assert changed != before
    store.write("run-1", toy_results.rows(seeds=3, shift=0.01), document())
    assert read_record(tmp_path, "run-1").content not in {before, changed}


def test_models_are_files_of_trained_parts_and_networks_if_asked_for(tmp_path: Path) -> None:
    make_store(tmp_path)
    assert not any(one.models for one in read_record(tmp_path, "run-1").top.all())
    (arm, *controls) = read_record(tmp_path, "run-1", models=True).top.children
    assert [(folder, path.name) for folder, path in arm.models] == [("models/part/seed0", "weights.safetensors")]
    assert not any(one.models for one in controls)  # the folder of the baseline's network is not there


def test_a_record_says_its_verdict_its_leak_and_every_remark(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    clean = read_record(tmp_path, "run-1").top
    assert clean.tags["bench.verdict"].startswith("pq/image: better")
    assert "this one trained generator" in clean.tags["bench.remarks"]
    assert "bench.leak" not in clean.tags
    store.write("run-1", [*toy_results.rows(seeds=3), toy_results.leak()], document())
    leaky = read_record(tmp_path, "run-1").top
    assert leaky.tags["bench.leak"] == "⚠ contains test images"
    assert leaky.name == "⚠ contains test images · diffmix · guidance_scale=2.0 · smoke · 3 seeds"
    assert "⚠ contains test images" in leaky.note
    assert "bench.verdict" not in leaky.tags
