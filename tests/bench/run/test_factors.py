"""Runs that vary the ratio, and the seeds of generation and training apart, at preset `tiny`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from bench.engine.store import Store
from bench.errors import ConfigError, MissingError
from bench.evaluation.row_maker import together
from bench.results.table import ALL_SEEDS, ResultsStore
from bench.run.outcome import Outcome
from bench.run.pipeline import run_request
from bench.run.resolve import resolve
from bench.suite.plan import plan
from bench.synthetic import SyntheticSet
from tests.bench.conftest import request
from tests.golden.runs import TRAINED

pytestmark = pytest.mark.slow

# 16 tiles of one patch each: sets of 8 and of 16 images
ONE_PATCH = ("patches_per_tile=1", "max_samples=16", "reference_samples=8", *TRAINED)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("factors") / "store"


@pytest.fixture(scope="module")
def by_ratio(store: Path) -> Outcome:
    return run_request(request(store, method="gradmix", controls=(), ratios=(1.0, 0.5), overrides=ONE_PATCH))


@pytest.fixture(scope="module")
def by_seeds(store: Path) -> Outcome:
    return run_request(
        request(store, method="gradmix", controls=("copy",), seeds=2, generation_seeds=2, overrides=ONE_PATCH)
    )


def rows(outcome: Outcome) -> pd.DataFrame:
    return ResultsStore(outcome.store).rows(outcome.run)


def made(outcome: Outcome, variant: str = "") -> list[SyntheticSet]:
    index = ResultsStore(outcome.store).document(outcome.run).index()
    sets = [one for one in index if one.kind == "set" and (one.method, one.variant) == ("gradmix", variant)]
    return [SyntheticSet(outcome.store / one.folder) for one in sets]


def test_one_set_is_drawn_and_the_smaller_ratio_has_a_part_of_it(by_ratio: Outcome) -> None:
    (half,), (whole,) = made(by_ratio, "0.5x"), made(by_ratio, "1x")
    assert (len(half), len(whole)) == (8, 16)
    assert {record.sha256 for record in half.metadata} < {record.sha256 for record in whole.metadata}
    assert half.manifest["subset"]["of"] == whole.digest


def test_every_row_says_ratio_and_size(by_ratio: Outcome) -> None:
    table = rows(by_ratio)
    found = table.drop_duplicates(["method", "variant", "ratio", "n_synthetic"])
    assert set(zip(found["method"], found["variant"], found["ratio"], found["n_synthetic"], strict=True)) == {
        ("real-only", "", 0.0, 0),
        ("gradmix", "0.5x", 0.5, 8),
        ("gradmix", "1x", 1.0, 16),
    }
    pq = table[(table["metric"] == "pq/image") & (table["kind"] == "score")]
    assert list(pq["variant"]) == ["", "0.5x", "1x"]
    assert pq["value"].nunique() == 3
    fd = table[(table["metric"] == "fd@random-convnet") & (table["split"] == "test")]
    assert list(fd["variant"]) == ["0.5x", "1x"]


def test_the_curve_is_a_picture_that_the_leaderboard_shows(by_ratio: Outcome) -> None:
    folder = ResultsStore(by_ratio.store).folder(by_ratio.run)
    text = (folder / "leaderboard.md").read_text(encoding="utf-8")
    assert "| score | network | 0 | 0.5x | 1x |" in text
    assert "](scaling.png)" in text
    with Image.open(folder / "scaling.png") as picture:
        assert picture.size[0] > 380
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 10


def test_the_document_says_the_factors(by_ratio: Outcome, by_seeds: Outcome) -> None:
    documents = ResultsStore(by_ratio.store).documents()
    assert documents[by_ratio.run].ratios == (1.0, 0.5)
    assert documents[by_ratio.run].generation_seeds is None
    assert documents[by_seeds.run].generation_seeds == 2


def test_two_sets_and_every_seed_with_each(by_seeds: Outcome) -> None:
    first, second = made(by_seeds)
    assert first.digest != second.digest
    table = rows(by_seeds)
    pq = table[(table["metric"] == "pq/image") & (table["kind"] == "score") & (table["method"] == "gradmix")]
    places = dict(zip(zip(pq["seed"], pq["generation"], strict=True), pq["set_digest"], strict=True))
    one, two = first.digest, second.digest
    assert places == {(0, 0): one, (0, 1): two, (1, 0): one, (1, 1): two, (ALL_SEEDS, ALL_SEEDS): together([one, two])}
    assert list(pq["generations"]) == [1, 1, 1, 1, 2]
    baseline = table[(table["metric"] == "pq/image") & (table["kind"] == "score") & (table["method"] == "real-only")]
    assert list(zip(baseline["seed"], baseline["generation"], strict=True)) == [(0, 0), (1, 0), (ALL_SEEDS, 0)]


def test_sets_have_a_generation_seed_only(by_seeds: Outcome) -> None:
    table = rows(by_seeds)
    fd = table[(table["metric"] == "fd@random-convnet") & (table["split"] == "test") & (table["method"] == "gradmix")]
    assert list(zip(fd["seed"], fd["generation"], strict=True)) == [(0, 0), (0, 1), (0, ALL_SEEDS)]
    assert list(fd["ci_method"])[-1] == "generations"


def test_both_spreads_are_in_the_table(by_seeds: Outcome) -> None:
    table = rows(by_seeds)
    spread = table[(table["kind"] == "spread") & (table["metric"] == "pq/image")]
    assert sorted(zip(spread["method"], spread["aggregation"], strict=True)) == [
        ("copy", "sd over generation seeds"),
        ("copy", "sd over training seeds"),
        ("gradmix", "sd over generation seeds"),
        ("gradmix", "sd over training seeds"),
    ]
    assert (spread["value"] >= 0).all()
    text = (ResultsStore(by_seeds.store).folder(by_seeds.run) / "leaderboard.md").read_text(encoding="utf-8")
    assert "over generation seeds" in text


def test_artefacts_of_a_row_are_those_of_its_seeds(by_seeds: Outcome) -> None:
    index = ResultsStore(by_seeds.store).document(by_seeds.run).index()
    table = rows(by_seeds)
    pq = table[(table["metric"] == "pq/image") & (table["kind"] == "score") & (table["method"] == "gradmix")]
    row = pq[(pq["seed"] == 1) & (pq["generation"] == 0)].iloc[0].to_dict()
    found = {one.kind: one for one in index.of(row)}
    assert found["set"].digest == row["set_digest"]
    assert (found["model"].seed, found["model"].generation) == (1, 0)


def test_a_training_seed_with_its_own_set_shares_the_work(by_seeds: Outcome, tmp_path: Path) -> None:
    plain = resolve(request(by_seeds.store, method="gradmix", controls=("copy",), seeds=2, overrides=ONE_PATCH))
    left = {planned.step.stage for planned in plan(plain, None, tmp_path).steps if not planned.cached}
    assert not left & {"synthesize", "train", "predict"}


def test_a_limit_that_makes_ratios_equal_is_refused_before_any_work(tmp_path: Path) -> None:
    asked = request(tmp_path / "store", method="gradmix", controls=(), ratios=(1.0, 2.0), overrides=ONE_PATCH)
    with pytest.raises(MissingError, match="would not differ") as refused:
        run_request(asked)
    assert "max_samples=32" in refused.value.fix
    assert not Store(tmp_path / "store").root.exists()


@pytest.mark.parametrize("ratios", [(1.0, 1.0), (0.0, 1.0), (float("inf"),)])
def test_ratios_are_positive_and_differ(tmp_path: Path, ratios: tuple[float, ...]) -> None:
    with pytest.raises((ConfigError, ValueError), match="ratios"):
        request(tmp_path / "store", method="gradmix", ratios=ratios)
