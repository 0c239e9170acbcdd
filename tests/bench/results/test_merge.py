"""Which rows of several runs are the same measurement, and which arms are the same."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.results.table import SET, ScoreRow, merge_rows
from tests import toy_results as toy


def run(name: str, *digests: str, shift: float = 0.0) -> list[ScoreRow]:
    rows = toy.rows(name, "mine", seeds=len(digests), shift=shift)
    return toy.of_sets([row for row in rows if row.method == "mine"], "mine", *digests)


def arms(table: pd.DataFrame) -> dict[str, set[str]]:
    """Return the runs of each label."""
    return {str(label): set(rows["run"]) for label, rows in table.groupby(SET)}


def test_sets_that_differ_are_two_arms_with_all_their_rows(tmp_path: Path) -> None:
    first, second = run("a", "1" * 64), run("b", "2" * 64, shift=0.1)
    table = toy.table(tmp_path, first, second)
    assert arms(table) == {"1" * 8: {"a"}, "2" * 8: {"b"}}
    assert len(table) == len(first) + len(second)
    # rows without a digest of their own, such as differences, are of their run's set
    differences = table[table["kind"] == "difference"]
    assert list(differences[SET]) == ["1" * 8, "2" * 8]


def test_a_distance_of_one_set_and_a_score_of_another_never_stand_in_one_row(tmp_path: Path) -> None:
    distances = [row for row in run("a", "1" * 64) if row.encoder]
    scores = [row for row in run("b", "2" * 64) if row.downstream]
    assert arms(toy.table(tmp_path, distances, scores)) == {"1" * 8: {"a"}, "2" * 8: {"b"}}


def test_one_seed_and_three_of_the_same_sets_are_one_arm(tmp_path: Path) -> None:
    one, three = run("one", "x"), run("three", "x", "y", "z", shift=0.1)
    for runs in ((one, three), (three, one)):
        table = toy.table(tmp_path, *runs)
        assert set(table[SET]) == {""}
        pq = table[(table["metric"] == "pq/image") & (table["kind"] == "score")]
        assert sorted(pq["seed"]) == [-1, 0, 1, 2]


def test_a_seed_that_differs_makes_another_arm_whose_name_is_a_set_of_its_own(tmp_path: Path) -> None:
    table = toy.table(tmp_path, run("a", "same", "left"), run("b", "same", "right"))
    assert arms(table) == {"left": {"a"}, "right": {"b"}}


def test_a_run_joins_the_arm_that_it_agrees_with(tmp_path: Path) -> None:
    table = toy.table(tmp_path, run("a", "x", "y"), run("b", "z"), run("c", "x"))
    assert arms(table) == {"x": {"a", "c"}, "z": {"b"}}


def test_arms_without_sets_and_older_rows_without_digests_are_one(tmp_path: Path) -> None:
    table = toy.table(tmp_path, toy.rows("a", "mine"), toy.rows("b", "mine"))
    assert set(table[SET]) == {""}
    assert set(table["run"]) == {"b"}


def test_data_that_differ_are_two_measurements(tmp_path: Path) -> None:
    runs = [toy.rows(name, data=digest) for name, digest in (("a", "1" * 64), ("b", "2" * 64), ("c", ""))]
    table = toy.table(tmp_path, *runs)
    assert len(table) == sum(map(len, runs))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.sampled_from("xyz"), min_size=1, max_size=3), min_size=1, max_size=5))
def test_no_arm_contradicts_itself_and_no_value_is_of_another_set(sets: list[list[str]]) -> None:
    rows = [
        {**row.model_dump(by_alias=True), "value": float(index)}
        for index, digests in enumerate(sets)
        for row in run(str(index), *digests)
        if row.metric == "pq/image"
    ]
    merged = merge_rows(pd.DataFrame(rows))
    single = merged[(merged["seed"] >= 0) & (merged["set_digest"] != "")]
    assert (single.groupby([SET, "generation", "seed"])["set_digest"].nunique() == 1).all()
    known = {(str(i), seed): digest for i, digests in enumerate(sets) for seed, digest in enumerate(digests)}
    for row in single.to_dict("records"):
        assert known[row["run"], row["seed"]] == row["set_digest"]
