"""What a board claims: one primary metric, words, marks and bold numbers, and when it claims nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.results.table import ScoreRow
from reports.board import Leaderboard
from reports.leaderboard import Claims, leaderboard
from reports.remarks import remarks, warnings
from tests import toy_results as toy


def board(folder: Path, *runs: list[ScoreRow], **claims: Any) -> Leaderboard:
    (found,) = leaderboard(toy.table(folder, *runs), claims=Claims(**claims))
    return found


def words(found: Leaderboard) -> dict[str, str]:
    return {found.rows[index].title: word for index, word in found.verdicts.items()}


def marks(found: Leaderboard) -> dict[tuple[str, str], str]:
    every = {(r.title, c.name): found.mark(i, c) for i, r in enumerate(found.rows) for c in found.columns}
    return {place: mark for place, mark in every.items() if mark}


def bold(found: Leaderboard) -> set[tuple[str, str]]:
    return {(r.title, c.name) for i, r in enumerate(found.rows) for c in found.columns if found.is_best(i, c)}


def difference(**changes: Any) -> list[ScoreRow]:
    return toy.changed(toy.rows(seeds=3), lambda row: row.kind == "difference" and row.method == "diffmix", **changes)


def test_nothing_is_marked_on_fewer_than_three_seeds(tmp_path: Path) -> None:
    for seeds in (1, 2):
        found = board(tmp_path, toy.rows("a", "gradmix", seeds), toy.rows("b", "diffmix", seeds))
        assert not marks(found)
        assert not bold(found)
        assert set(words(found).values()) == {"undecided"}


def test_three_seeds_allow_marks_in_the_primary_metric_only(tmp_path: Path) -> None:
    other = toy.changed(toy.rows("b", seeds=3), lambda row: row.kind != "difference", metric="pq/image")
    extra = [row.model_copy(update={"metric": "f_d"}) for row in other if row.kind == "difference"]
    found = board(tmp_path, toy.rows("a", "gradmix", 3), [*toy.rows("b", seeds=3), *extra])
    assert marks(found) == {("noise", "pq/image_difference"): "▼", ("diffmix", "pq/image_difference"): "▲"}
    assert words(found) == {"copy": "undecided", "noise": "worse", "diffmix": "better", "gradmix": "undecided"}
    # copies of the training images are the nearest to them, and are the best in nothing
    assert bold(found) == {("diffmix", "pq/image")}
    asked = board(tmp_path, toy.rows("a", "gradmix", 3), [*toy.rows("b", seeds=3), *extra], primary="f_d")
    assert {name for _, name in marks(asked)} == {"f_d_difference"}
    assert asked.primary in asked.main


def test_a_difference_must_survive_correction_over_the_whole_board(tmp_path: Path) -> None:
    def with_p(run: str, method: str) -> list[ScoreRow]:
        return toy.changed(toy.rows(run, method, 3), lambda row: row.kind == "difference", p=0.01, p_holm=0.01)

    assert words(board(tmp_path, with_p("a", "diffmix")))["diffmix"] == "better"
    crowd = [with_p(f"r{i}", name) for i, name in enumerate(("diffmix", "m1", "m2", "m3"))]
    assert words(board(tmp_path, *crowd))["diffmix"] == "undecided"  # six arms: 6 * 0.01 > 0.05


def test_a_set_that_was_replaced_is_another_row_and_another_attempt(tmp_path: Path) -> None:
    def attempt(run: str, digest: str) -> list[ScoreRow]:
        rows = toy.changed(toy.rows(run, "mine", 3), lambda row: row.kind == "difference", p=0.012, p_holm=0.012)
        return toy.of_sets(rows, "mine", *(f"{digest}{seed}" * 4 for seed in range(3)))

    (one,) = [r.title for r in board(tmp_path, attempt("a", "a")).rows if r.method == "mine"]
    assert one == "mine"
    found = board(tmp_path, *(attempt(name, name) for name in "abc"))
    assert [r.title for r in found.rows if r.method == "mine"] == [
        f"mine (set {name}0{name}0{name}0{name}0)" for name in "abc"
    ]
    assert "5 arms" in " ".join(remarks(found))
    assert {word for title, word in words(found).items() if title.startswith("mine")} == {"undecided"}


def test_words_for_what_is_not_better_or_worse(tmp_path: Path) -> None:
    wide = difference(ci_low=-0.2, ci_high=0.2, p=0.001)
    assert words(board(tmp_path, wide))["diffmix"] == "undecided"
    narrow = difference(value=0.002, ci_low=-0.004, ci_high=0.008, p=0.4)
    found = board(tmp_path, narrow)
    assert words(found)["diffmix"] == "equivalent"
    assert found.smallest_effect == 0.01
    assert "within ±.010" in " ".join(remarks(found))
    assert words(board(tmp_path, narrow, smallest_effect=0.005))["diffmix"] == "undecided"


def test_seeds_that_give_one_network_count_once(tmp_path: Path) -> None:
    rows = toy.changed(toy.rows(seeds=3), lambda row: row.method == "diffmix" and row.seed < 0, n_distinct=1)
    found = board(tmp_path, rows)
    assert words(found)["diffmix"] == "undecided"
    assert "3 seeds, but 1 distinct network, which counts once: diffmix" in remarks(found)
    rows = toy.changed(toy.rows(seeds=3), lambda row: row.method == "real-only" and row.seed < 0, n_distinct=2)
    assert set(words(board(tmp_path, rows)).values()) == {"undecided"}


def test_an_arm_with_a_leak_is_never_marked_but_counts_as_an_attempt(tmp_path: Path) -> None:
    clean, leaky = toy.rows(seeds=3), [*toy.rows(seeds=3), toy.leak()]
    assert words(board(tmp_path, clean))["diffmix"] == "better"
    near = toy.leak("test_nearness@random-convnet", 0.9, encoder="random-convnet:12ab", split="test", p=0.001)
    for finding in (toy.leak(), near):
        found = board(tmp_path, [*clean, finding])
        assert "diffmix" not in words(found)
        assert not any(title == "diffmix" for title, _ in {*marks(found), *bold(found)})
    assert words(board(tmp_path, [*clean, near.model_copy(update={"p": 0.3})]))["diffmix"] == "better"
    assert len({line for line in remarks(board(tmp_path, leaky)) if "for 3 arms" in line}) == 1


def test_a_leak_in_one_fold_is_a_leak_in_all(tmp_path: Path) -> None:
    every = toy.rows(seeds=3, division="two@0", fold="all")
    (found,) = leaderboard(toy.table(tmp_path, [*every, toy.leak(division="two@0", fold="1/2")]))
    assert [row.leak for row in found.rows if row.method == "diffmix"] == ["contains test images"]


def test_a_leak_that_a_newer_version_does_not_find_is_none(tmp_path: Path) -> None:
    newer = toy.leak(value=0.0, protocol=2)
    found = board(tmp_path, [*toy.rows(seeds=3), toy.leak(), newer])
    assert not any(row.leak for row in found.rows)
    assert [row.checked for row in found.rows if row.method == "diffmix"] == [True]


def test_bold_needs_a_rank_that_may_be_the_first(tmp_path: Path) -> None:
    def ranked(run: str, method: str, value: float, low: float, high: float) -> list[ScoreRow]:
        rows = toy.rows(run, method, 3, shift=0.1)
        at = next(row for row in rows if row.method == method and row.kind == "difference" and row.seed < 0)
        rank = {"kind": "rank", "value": value, "ci_low": low, "ci_high": high, "direction": "none"}
        return [*rows, at.model_copy(update=rank)]

    found = board(tmp_path, ranked("a", "first", 1, 1, 1), ranked("b", "second", 2, 2, 3))
    assert bold(found) == {("first", "pq/image")}
    found = board(tmp_path, ranked("a", "first", 1, 1, 2), ranked("b", "second", 2, 1, 3))
    assert bold(found) == {("first", "pq/image"), ("second", "pq/image")}
    assert not any(column.kind == "rank" for column in found.columns)


def test_tiny_means_nothing(tmp_path: Path) -> None:
    for preset in ("tiny", "tiny+method.grid=2"):
        found = board(tmp_path, toy.rows(seeds=3, preset=preset))
        assert not found.verdicts
        assert not bold(found)
        assert "mean nothing" in warnings(found)[0]


@pytest.mark.parametrize(
    ("which", "changes", "reason"),
    [
        (lambda row: row.method == "noise" and row.encoder, {"value": 0.00001}, "noise is nearer"),
        (
            lambda row: row.method == "noise" and row.kind == "difference",
            {"value": 0.1, "ci_low": 0.08, "ci_high": 0.12},
            "noise is better than copy in pq/image",
        ),
        (lambda row: row.method == "copy" and row.encoder, {"standing": "on"}, "copy is on the floor"),
        (lambda row: row.method == "copy" and row.encoder, {"standing": "above"}, "copy is above the floor"),
        (lambda row: row.method == "copy", {"method": "classic"}, "the control copy is missing"),
    ],
)
def test_controls_that_do_not_behave_forbid_every_claim(
    tmp_path: Path, which: Any, changes: dict[str, Any], reason: str
) -> None:
    good = toy.changed(toy.rows(seeds=3), lambda row: row.method == "copy" and bool(row.encoder), standing="below")
    assert not warnings(board(tmp_path, good))
    found = board(tmp_path, toy.changed(good, which, **changes))
    assert reason in found.unreadable[0]
    assert "cannot be read" in warnings(found)[0]
    assert not found.verdicts
    assert not bold(found)


def test_noise_that_only_seems_better_than_copy_is_allowed(tmp_path: Path) -> None:
    rows = toy.changed(
        toy.rows(seeds=3),
        lambda row: row.method == "noise" and row.kind == "difference",
        **{"value": 0.01, "ci_low": 0.0, "ci_high": 0.02},
    )
    assert not board(tmp_path, rows).unreadable
