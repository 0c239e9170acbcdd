"""A whole run at preset `tiny`: what it leaves, what it reuses, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bench.contract import TrainingMix
from bench.errors import BenchError, ConfigError, MissingError, SealError
from bench.evaluation.statistics import Statistics
from bench.results.table import ALL_SEEDS, ResultsStore
from bench.run.outcome import Outcome
from bench.run.pipeline import run_request
from bench.synthetic import SyntheticSet, verify_set
from downstream.hovernet import HoVerNet
from tests.bench.conftest import request
from tests.bench.run.stages import stages
from tests.golden.runs import TRAINED

ARMS = ["real-only", "copy", "noise", "diffmix"]


def scores(outcome: Outcome):
    return ResultsStore(outcome.store).rows(outcome.run)


def sets(outcome: Outcome) -> list[SyntheticSet]:
    folders = sorted((outcome.store / "jobs" / "synthesize").iterdir())
    return [SyntheticSet(folder) for folder in folders]


def test_every_arm_has_its_scores(tiny: Outcome) -> None:
    table = scores(tiny)
    pq = table[(table["metric"] == "pq/image") & (table["kind"] == "score")]
    assert sorted(pq["method"].unique()) == sorted(ARMS)
    for method in ARMS:
        assert sorted(pq[pq["method"] == method]["seed"]) == [ALL_SEEDS, 0, 1]


def test_every_number_has_an_interval_or_a_reason(tiny: Outcome) -> None:
    table = scores(tiny)
    rows = table[table["kind"] != "cost"]
    bare = rows[rows["ci_low"].isna() & (rows["reason"] == "")]
    assert bare.empty
    assert (rows[rows["value"].isna()]["reason"] != "").all()
    one_seed = rows[(rows["downstream"] != "") & (rows["kind"] == "score") & (rows["seed"] != ALL_SEEDS)]
    assert set(one_seed[one_seed["value"].notna()]["ci_method"]) == {"groups"}


def test_differences_are_to_the_baseline_and_adjusted(tiny: Outcome) -> None:
    table = scores(tiny)
    differences = table[(table["kind"] == "difference") & (table["metric"] == "pq/image")]
    assert sorted(differences["method"]) == sorted(set(ARMS) - {"real-only"})
    values = table[(table["metric"] == "pq/image") & (table["kind"] == "score") & (table["seed"] == ALL_SEEDS)]
    value = values.set_index("method")["value"]
    assert value.between(0, 1, inclusive="neither").all()
    assert value.nunique() == len(ARMS)
    for row in differences.to_dict("records"):
        np.testing.assert_allclose(row["value"], value[row["method"]] - value["real-only"], atol=1e-12)
        assert row["p_holm"] >= row["p"]


def test_distances_know_their_floor_and_the_encoder(tiny: Outcome) -> None:
    table = scores(tiny)
    distances = table[table["metric"].isin(["fd@random-convnet", "kd@random-convnet"])]
    assert set(distances["split"]) == {"train", "test", "test masks"}
    assert (distances["encoder"].str.len() > 64).all()
    of_masks = distances["split"] == "test masks"
    assert set(distances[~of_masks]["method"]) == set(ARMS) - {"real-only"}
    assert distances[~of_masks]["floor"].notna().all(), distances[~of_masks & distances["floor"].isna()]
    # four images are drawn of test masks: too few for a distance
    assert set(distances[of_masks]["method"]) == {"noise", "diffmix"}
    assert distances[of_masks]["value"].isna().all()
    assert distances[of_masks]["reason"].str.startswith("only 4 images of test masks").all()


def test_sets_are_scored_in_every_way_against_both_splits(tiny: Outcome) -> None:
    table = scores(tiny)
    nearness = table["metric"] == "test_nearness@random-convnet"
    assert set(table[nearness]["method"]) == {"diffmix"}
    of_sets = table[(table["encoder"] != "") & (table["seed"] == 0) & (table["split"] != "test masks") & ~nearness]
    both = {f"{name}@random-convnet" for name in ("fd", "fd_inf", "kd", "precision", "recall", "density", "coverage")}
    memory = {"auth_pct@random-convnet", "copy_rate@random-convnet"}
    assert set(of_sets[of_sets["split"] == "test"]["metric"]) == both | {"colour_fd"}
    assert set(of_sets[of_sets["split"] == "train"]["metric"]) == both | {"colour_fd"} | memory
    extrapolated = of_sets["metric"].str.startswith("fd_inf")
    assert of_sets[extrapolated]["reason"].str.startswith("undefined for fewer than 4 images per dimension").all()
    # half of the slides of so small a set are too few images to have neighbours
    few = of_sets["value"].isna()
    assert of_sets[few]["metric"].str.startswith(("fd_inf", "precision", "recall", "density", "coverage")).all()
    of_sets = of_sets[~few]
    assert of_sets["floor"].notna().all()
    frechet = of_sets[of_sets["metric"] == "fd@random-convnet"]
    assert (frechet["standing"] == "").all()
    assert frechet["reason"].str.contains("rank deficient and rewards low diversity; read kd").all()
    assert (of_sets[of_sets["ci_low"].isna()]["reason"].str.contains("no interval")).all()


def test_copies_are_told_from_fresh_images(tiny: Outcome) -> None:
    table = scores(tiny)
    found = table[(table["seed"] == ALL_SEEDS) & (table["encoder"] != "") & (table["split"] == "train")]
    value = found.pivot_table(index="method", columns="metric", values="value")
    assert value.loc["copy", "auth_pct@random-convnet"] == 0
    assert value.loc["copy", "copy_rate@random-convnet"] == 1
    assert value.loc["noise", "auth_pct@random-convnet"] == 100
    assert value.loc["noise", "copy_rate@random-convnet"] == 0
    shares = found[found["metric"].str.startswith(("coverage", "precision", "recall", "copy_rate"))]
    assert shares["ci_low"].min() >= 0
    assert shares["ci_high"].max() <= 1


def test_every_score_of_nuclei_is_a_row(tiny: Outcome) -> None:
    from metrics.table import METRICS

    table = scores(tiny)
    rows = table[(table["method"] == "diffmix") & (table["downstream"] != "") & (table["seed"] == ALL_SEEDS)]
    wanted = {name for name, metric in METRICS.items() if metric.group in ("instances", "types", "faithfulness")}
    for kind, names in (("score", wanted), ("difference", {n for n in wanted if not n.startswith("fs")})):
        assert set(rows[rows["kind"] == kind]["metric"]) == names
    per_class = rows[rows["class"] != ""].groupby("metric")["class"].nunique()
    assert set(per_class) == {4}
    assert set(per_class.index) == {name for name in wanted if METRICS[name].per_class}
    means = rows[(rows["kind"] == "score") & rows["metric"].str.endswith("/image")]
    assert means["n_skipped"].notna().all()
    assert rows[rows["metric"] == "pq/pooled"]["n_skipped"].isna().all()


def test_faithfulness_or_the_reason_why_not(tiny: Outcome) -> None:
    table = scores(tiny)
    faithful = table[table["metric"] == "fs1/image"]
    for method in ("noise", "diffmix"):
        mine = faithful[faithful["method"] == method]
        assert sorted(mine["seed"]) == [ALL_SEEDS, 0, 1]
        assert (mine["downstream"] == "hovernet").all()
    (row,) = faithful[faithful["method"] == "copy"].to_dict("records")
    assert row["value"] != row["value"]
    assert "without the real patch" in row["reason"]
    assert "real-only" not in set(faithful["method"])


def test_test_masks_are_drawn_for_evaluation_alone(tiny: Outcome) -> None:
    folders = sorted((tiny.store / "jobs" / "render-masks").iterdir())
    found = [SyntheticSet(folder) for folder in folders]
    assert sorted(item.manifest["method"] for item in found) == ["diffmix", "diffmix", "noise", "noise"]
    for item in found:
        verify_set(item.folder)
        assert all(line.sources == {} for line in item.metadata)
        with pytest.raises(SealError, match="No network may be trained on this set"):
            TrainingMix(_train(tiny), item, 0.5)
    # the same masks for every method and seed
    assert len({item[0].instances.tobytes() for item in found}) == 1
    for item in sets(tiny):
        assert TrainingMix(_train(tiny), item, 0.5).synthetic is item


def test_costs_are_rows_of_their_own(tiny: Outcome) -> None:
    costs = scores(tiny).query("kind == 'cost'")
    assert {"fit/sdm/seconds", "synthesize/images_per_second", "train/peak_rss_mib"} <= set(costs["metric"])
    assert (costs["value"] >= 0).all()


def test_sets_are_sealed_and_derive_from_training_tiles(tiny: Outcome) -> None:
    found = sets(tiny)
    assert sorted(s.manifest["method"] for s in found) == ["copy", "copy", "diffmix", "diffmix", "noise", "noise"]
    for item in found:
        verify_set(item.folder)
        assert item.manifest["dataset"] == "phantom"
        assert {line.sources["train"] for line in item.metadata} <= set(_train_ids(tiny))


def test_copy_is_a_crop_of_its_source(tiny: Outcome) -> None:
    item = next(s for s in sets(tiny) if s.manifest["method"] == "copy")
    tiles = _train(tiny)
    for sample, line in zip(item, item.metadata, strict=True):
        source = tiles[list(tiles.ids).index(line.sources["train"])]
        y, x = line.crop
        np.testing.assert_array_equal(sample.image, source.image[y : y + 32, x : x + 32])


def test_results_hold_what_tracking_and_reports_read(tiny: Outcome) -> None:
    folder = ResultsStore(tiny.store).folder(tiny.run)
    names = {path.name for path in folder.iterdir()}
    assert {"curves.jsonl", "contact_sheet.png", "leaderboard.md", "manifest.json"} <= names
    curves = [json.loads(line) for line in (folder / "curves.jsonl").read_text().splitlines()]
    assert {"fit/sdm/loss", "hovernet/real-only/0/loss", "hovernet/diffmix/1/loss"} <= {c["name"] for c in curves}
    document = ResultsStore(tiny.store).document(tiny.run)
    assert document.digests.keys() >= {"train", "test"}
    used = {*(f"methods:{arm}" for arm in ARMS), "downstream:hovernet", "encoders:random-convnet"}
    assert document.plugins.keys() == used
    assert document.plugins["downstream:hovernet"] == HoVerNet.version > 1
    assert not any("/" in str(value) for key, value in document.request.items() if key != "controls")


def test_from_a_row_one_gets_to_what_it_came_from(tiny: Outcome) -> None:
    results = ResultsStore(tiny.store)
    index = results.document(tiny.run).index()
    for one in index:
        assert (tiny.store / one.folder / "job.json").exists()
    rows = results.rows(tiny.run)
    of_diffmix = rows[(rows["method"] == "diffmix") & (rows["seed"] == 1)]
    (pq,) = of_diffmix[(of_diffmix["metric"] == "pq/image") & (of_diffmix["kind"] == "score")].to_dict("records")
    found = {(one.kind, one.evaluation): one for one in index.of(pq)}
    assert {one.evaluation for one in index.of(pq)} == {"", "nuclei"}
    made = SyntheticSet(tiny.store / found["set", ""].folder)
    assert made.digest == found["set", ""].digest == pq["set_digest"]
    assert made.manifest["method"] == "diffmix"
    assert (tiny.store / found["part", ""].folder / "curves.jsonl").exists()
    read = Statistics(tiny.store / found["statistics", "nuclei"].folder)
    assert np.nanmean(read.numbers("pq")) == pytest.approx(pq["value"])
    predictions = tiny.store / found["predictions", "nuclei"].folder
    assert len(list(predictions.glob("*.npz"))) == len(read)
    model = json.loads((predictions / "job.json").read_text())["inputs"]["model"]
    assert model == found["model", "nuclei"].key
    assert {one.seed for one in index.of(pq) if one.kind != "part"} == {1}
    assert {one.seed for one in index.of({**pq, "seed": ALL_SEEDS, "generation": ALL_SEEDS})} == {0, 1}
    fd = of_diffmix[(of_diffmix["metric"] == "fd@random-convnet") & (of_diffmix["split"] == "test")].iloc[0]
    (distance,) = [one for one in index.of(fd) if one.evaluation == "distances"]
    said = json.loads((tiny.store / distance.folder / "fidelity.json").read_text())
    assert said["scores"]["fd"] == fd["value"]
    baseline = index.of({**pq, "method": "real-only", "generation": 0})
    assert {one.kind for one in baseline} == {"model", "predictions", "statistics"}


def test_again_nothing_is_done(tiny: Outcome) -> None:
    again = run_request(request(tiny.store, seeds=2, overrides=TRAINED))
    assert again.run == tiny.run
    assert again.reused == again.steps > 20


def test_fewer_seeds_and_a_sibling_method_share_the_work(tiny: Outcome) -> None:
    before = stages(tiny.store)
    other = run_request(request(tiny.store, method="diffmix-e", overrides=TRAINED))
    fresh = stages(tiny.store) - before
    # a set, its features, its comparisons with both splits, its search for test images and its nearness to test slides;
    # a network with its predictions and scores; test masks, which so short a training draws as diffmix draws them: what
    # is seen in them is known
    assert fresh == {
        "synthesize": 1,
        "features": 3,
        "fidelity": 4,
        "leakage": 1,
        "nearness": 1,
        "train": 1,
        "predict": 1,
        "evaluate": 1,
        "render-masks": 1,
    }
    assert fresh.total() == other.steps - other.reused
    assert set(ResultsStore(tiny.store).document(other.run).steps.values()) >= set(fresh)


def test_overrides_change_the_variant_and_the_preset_label(tiny: Outcome) -> None:
    changed = request(tiny.store, method="copy", controls=(), overrides=("method.ratio=0.5", "budget.amount=4"))
    outcome = run_request(changed)
    table = scores(outcome)
    mine = table[table["preset"] == "tiny+budget.amount=4"]
    assert set(mine["method"]) == {"real-only", "copy"}
    assert set(mine[mine["method"] == "copy"]["variant"]) == {"ratio=0.5"}
    assert set(mine[mine["downstream"] != ""]["budget"]) == {"steps:4"}


def test_a_fold_tests_inside_train(tiny: Outcome) -> None:
    outcome = run_request(request(tiny.store, method="copy", controls=(), fold=(1, 2)))
    rows = ResultsStore(outcome.store).rows(outcome.run)
    assert set(rows["fold"]) == {"1/2"}
    digests = ResultsStore(outcome.store).document(outcome.run).digests
    whole = ResultsStore(tiny.store).document(tiny.run).digests
    assert digests["train"] != whole["train"]
    assert digests["test"] != whole["test"]


@pytest.mark.parametrize(
    ("changes", "near"),
    [
        ({"method": "difmix"}, "diffmix"),
        ({"dataset": "fantom"}, "phantom"),
        ({"preset": "tinny"}, "tiny"),
        ({"overrides": ("method.guidance_scal=2",)}, "guidance_scale"),
        ({"overrides": ("patchh=2",)}, "patch"),
        ({"controls": ("noisy",)}, "noise"),
    ],
)
def test_unknown_names_suggest_the_nearest(tmp_path: Path, changes: dict, near: str) -> None:
    with pytest.raises(ConfigError) as caught:
        run_request(request(tmp_path, **changes))
    assert near in caught.value.fix
    assert not list(tmp_path.iterdir())


def test_missing_things_are_listed_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(MissingError) as caught:
        run_request(request(tmp_path / "store", dataset="glysac", preset="paper", data_root=tmp_path))
    error = caught.value
    text = f"{error.message}\n{error.got}\n{error.fix}"
    for needed in ("GLySAC", "clip-vit-b-32", "inception", "accelerator", "--preset smoke", "phantom"):
        assert needed in text, needed
    assert not (tmp_path / "store").exists()


def test_a_network_of_another_task_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingError) as caught:
        run_request(request(tmp_path / "store", method="copy", dataset="phantom-tissue", downstream=("hovernet",)))
    assert "nuclei" in caught.value.message
    assert "phantom-tissue" in caught.value.got
    assert "networks for phantom-tissue: colour-histogram, vit, vit-pretrained" in caught.value.fix


@pytest.mark.parametrize(
    ("method", "dataset", "fit", "fit_method"),
    [
        ("stylegan2", "phantom", {"diffmix", "gradmix", "sdm"}, "phantom-tissue"),
        ("diffmix", "phantom-tissue", {"histodiffusion", "stylegan2"}, "phantom"),
    ],
)
def test_a_method_of_other_labels_is_refused_before_any_work(
    tmp_path: Path, method: str, dataset: str, fit: set[str], fit_method: str
) -> None:
    with pytest.raises(MissingError) as caught:
        run_request(request(tmp_path / "store", method=method, dataset=dataset))
    assert method in caught.value.message + caught.value.got
    named = caught.value.fix.splitlines()[-1]
    others, _, datasets = named.partition("; datasets for ")
    methods = set(others.partition(": ")[2].split(", "))
    assert fit <= methods
    assert not methods & {method, "copy", "noise"}, "neither the method nor controls"
    assert datasets.startswith(f"{method}: {fit_method}")
    assert not (tmp_path / "store" / "jobs").exists()


def test_roles_that_a_dataset_lacks_are_named(tmp_path: Path) -> None:
    with pytest.raises(BenchError):
        run_request(request(tmp_path, method="more-real", dataset="consep", data_root=tmp_path))


def _train(outcome: Outcome):
    from bench.datasets.prepared.read import PreparedDataset

    for folder in (outcome.store / "jobs" / "prepare").iterdir():
        data = PreparedDataset(folder)
        if data.info.split == "train":
            return data
    raise AssertionError("no training split was prepared")


def _train_ids(outcome: Outcome) -> list[str]:
    return list(_train(outcome).ids)
