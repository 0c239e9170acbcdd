"""Published numbers next to measured ones: which are compared, how they differ, and what a paper's claim is worth."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from bench.suite.published import find_published, published_tables, read_claims
from metrics.false_claim import false_claim
from metrics.planning import Design
from reports.board import POOLED, Cell, Leaderboard, Row
from reports.columns import Column
from reports.plain_rendering import as_csv, as_json, as_markdown, as_terminal
from reports.published.assumptions import Assumptions
from reports.published.pairs import Comparison, Pair, compare
from reports.published.pairs_table import pairs_table
from tests.reports.text import plain

PQ = Column("pq/image", direction="higher")
ACC = Column("acc", direction="higher")
RARE = Column("f_type", class_="miscellaneous", direction="higher")
FID = Column("clip_fid", encoder="clip:1", split="train", direction="lower")
TABLES = published_tables()
ASSUMED = Assumptions(read_claims())
DIFFMIX = find_published("diffmix-table1")


def row(method: str, pq: float = 0.5, network: str = "hovernet", **more: str) -> Row:
    cells = {PQ: Cell(pq, pq - 0.02, pq + 0.02, seeds=3), RARE: Cell(None, reason="no such nucleus")}
    return Row(method, "", network, cells, **more)  # type: ignore[arg-type]


def board(*rows: Row, dataset: str = "consep", **more: str) -> Leaderboard:
    values: dict[str, str] = {"preset": "paper", "budget": "steps:100", "fold": "", **more}
    return Leaderboard(dataset, columns=[PQ, RARE], rows=rows, **values)  # type: ignore[arg-type]


def only(*boards: Leaderboard) -> Comparison:
    (found,), _ = compare(boards, TABLES, ASSUMED)
    return found


def pairs(comparison: Comparison) -> dict[tuple[str, str], Pair]:
    return {(pair.row.method, pair.metric): pair for pair in comparison.pairs}


def test_difference_and_interval() -> None:
    found = pairs(only(board(row("real-only", 0.48), row("diffmix", 0.55))))
    base, ours = found["real-only", "pq/image"], found["diffmix", "pq/image"]
    assert (base.published, base.difference, base.within) == (0.483, pytest.approx(-0.003), True)
    assert (ours.published, ours.difference, ours.within) == (0.505, pytest.approx(0.045), False)
    # a number without an interval, and one that was not measured
    assert (found["diffmix", "f_type[miscellaneous]"].within, found["diffmix", "acc"].cell) == (None, None)


def test_a_number_at_the_end_of_the_interval_is_within() -> None:
    at_end = Row("diffmix", "", "hovernet", {PQ: Cell(0.5, 0.505, 0.51)})
    assert pairs(only(board(at_end)))["diffmix", "pq/image"].within is True


def test_the_claim_of_the_paper_is_judged_with_its_own_size() -> None:
    doubt = pairs(only(board(row("diffmix"))))["diffmix", "pq/image"].doubt
    spreads = read_claims().spreads["pq-tile"].cases[1]
    assert doubt.gain == 0.022
    assert doubt.probability is not None
    assert doubt.of_images is not None
    expected = false_claim(0.022, spreads, Design(14, 5, generators=1, generated=1))
    assert doubt.probability.assumed == pytest.approx(expected)
    assert list(doubt.probability) == sorted(doubt.probability)  # optimistic first
    assert doubt.of_images.assumed < doubt.probability.assumed


def test_a_method_without_a_generator_has_no_luck_of_one() -> None:
    found = pairs(only(board(row("gradmix"))))["gradmix", "pq/image"].doubt
    spreads = read_claims().spreads["pq-tile"].cases[1]
    assert found.probability is not None
    assert found.probability.assumed == pytest.approx(false_claim(0.021, spreads, Design(14, 5, generated=0)))


@pytest.mark.parametrize(
    ("dataset", "method", "metric", "says"),
    [
        ("consep", "diffmix", "f_type[miscellaneous]", "1.6 effective tiles"),
        ("glysac", "diffmix", "f_type[miscellaneous]", "no spread of this metric between tiles is assumed"),
        ("consep", "diffmix", "dq/image", "no spread of this metric"),
        ("glysac", "diffmix-b", "acc", "no gain is claimed"),
        ("consep", "real-only", "pq/image", ""),
    ],
)
def test_no_probability_without_its_assumptions(dataset: str, method: str, metric: str, says: str) -> None:
    doubt = pairs(only(board(row(method), dataset=dataset)))[method, metric].doubt
    assert (doubt.probability, doubt.of_images) == (None, None)
    assert says in doubt.reason
    assert bool(says) == bool(doubt.reason)


def test_where_lower_is_better_a_smaller_number_is_a_gain() -> None:
    table = find_published("pathdiff-table5")
    line = next(one for one in table.lines if one.keys["method"] == "sdm" and one.keys["dataset"] == "pannuke")
    assert ASSUMED.doubt(table, line, "hd95/image").gain == pytest.approx(6.81 - 6.26)


def test_tables_without_a_baseline_have_no_claim_of_one() -> None:
    table = find_published("pathdiff-table2")
    assert "no arm of only real images" in ASSUMED.doubt(table, table.lines[0], "clip_fid").reason


def test_networks_and_tables_are_compared_one_by_one() -> None:
    both = board(row("real-only"), row("real-only", network="sonnet"), row("diffmix"))
    found, without = compare([both, board(row("mine"), dataset="phantom")], TABLES, ASSUMED)
    assert [(one.layout.name, one.network, len(one.pairs)) for one in found] == [
        ("diffmix-table1", "hovernet", 20),
        ("diffmix-table1", "sonnet", 10),
    ]
    assert found[0].absent == ["GradMix", "DiffMix-E", "DiffMix-B"]
    assert [one.dataset for one in without] == ["phantom"]


def test_pooled_folds_are_not_a_second_measurement() -> None:
    found, without = compare([board(row("diffmix"), fold=POOLED)], TABLES, ASSUMED)
    assert (found, without) == ([], [])


def test_splits_of_distances_are_told_apart() -> None:
    of_set = Row("sdm", "", "cellvit", {FID: Cell(7.0, reason="no interval")})
    found, _ = compare([replace(board(of_set, dataset="pannuke"), columns=[FID])], TABLES, ASSUMED)
    (table2,) = (pairs_table(one) for one in found if one.layout.name == "pathdiff-table2")
    fid = [record for record in table2.records if record["metric"] == "clip_fid"]
    assert [(one["split"], one["measured"], one["published"]) for one in fid] == [
        ("train", 7.0, 7.14),
        ("test", None, 7.13),
    ]
    shown = {entry[1].text for entry in table2.rows}
    assert shown == {"FID ↓ vs train", "KID ↓ vs train", "FID ↓ vs test", "KID ↓ vs test"}


@pytest.mark.parametrize(
    ("preset", "budget", "layout", "says"),
    [
        ("smoke", "steps:100", "consep", "measured at smoke: not the published protocol"),
        ("paper+width", "steps:100", "consep", "measured at paper+width: not the published protocol"),
        ("paper", "steps:100", "consep", ""),
    ],
)
def test_another_preset_is_said_loudly(preset: str, budget: str, layout: str, says: str) -> None:
    table = pairs_table(only(board(row("diffmix"), preset=preset, budget=budget)))
    assert [says in line for line in table.warnings] == ([True] if says else [])
    assert {record["protocol"] for record in table.records} == {not says}


def test_another_budget_is_said_loudly() -> None:
    arm = Row("real-only", "", "vit", {Column("accuracy", direction="higher"): Cell(0.85, 0.8, 0.9)})
    table = pairs_table(only(board(arm, dataset="nct-crc-he-5pct")))
    assert "for steps:100, and the paper's budget is epochs" in table.warnings[0]


def test_a_leak_stands_at_the_arm_and_a_doubt_at_the_published_number() -> None:
    table = pairs_table(only(board(row("diffmix", leak="contains test images"))))
    letter = table.rows[0][0].letter
    assert any(note.startswith(letter) and "contains test images" in note for note in table.notes)


def test_every_format_says_the_same() -> None:
    table = pairs_table(only(board(row("real-only", 0.48), row("diffmix", 0.55), preset="smoke")))
    texts = [as_markdown(table), as_csv([table]), as_json([table]), plain(as_terminal(table), 200)]
    for text in texts:
        assert "0.505" in text or ".505" in text
    for text in (texts[0], texts[2], texts[3]):
        assert "not the published protocol" in text
        assert "2505.04720" in text
        assert "a flat prior, normal errors" in text
    lines = list(csv.DictReader(io.StringIO(texts[1])))
    (mine,) = (line for line in lines if line["arm"] == "diffmix" and line["metric"] == "pq/image")
    assert (mine["published"], mine["within"], mine["protocol"]) == ("0.505", "no", "no")
    (read,) = json.loads(texts[2])["tables"]
    assert [one["metric"] for one in read["rows"]] == [one["metric"] for one in lines]
    assert read["rows"][0]["false_claim"] is None


def test_a_narrow_terminal_divides_the_table_and_names_rows_again() -> None:
    table = pairs_table(only(board(row("diffmix", 0.55))))
    text = plain(as_terminal(table, width=80), 80)
    assert text.count("diffmix") >= 20  # ten lines in each of two parts
    assert "P(false claim)" in text
    assert max(map(len, text.splitlines())) <= 80
