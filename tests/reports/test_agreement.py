"""Which fidelity metric predicts the gain: perfectly, inversely, not at all; every arm once, and what is left out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bench.results.table import ScoreRow
from reports.agreement import Predictions, Predictor, predictions
from reports.agreement_picture import COLOURS, agreement_picture
from reports.agreement_table import agreement_table
from reports.plain_rendering import as_csv, as_json, as_markdown, as_terminal
from tests import toy_results
from tests.reports.text import plain

# Distance and gain of each method: the nearer, the greater the gain.
PERFECT = {
    "gradmix": (9, 0.01),
    "sdm": (6, 0.02),
    "diffmix": (4, 0.03),
    "pathdiff-m": (3, 0.05),
    "controlnet-m": (7, 0.015),
}
INVERSE = {name: (distance, -gain) for name, (distance, gain) in PERFECT.items()}
NONE = {
    "gradmix": (1, 0.03),
    "sdm": (2, 0.01),
    "diffmix": (3, 0.05),
    "pathdiff-m": (4, 0.02),
    "controlnet-m": (5, 0.04),
}
NAMES = ("stylegan2", "diffmix-b", "diffmix-e")
MANY = PERFECT | {name: (20.0 + place, -0.01 - 0.01 * place) for place, name in enumerate(NAMES)}

Arms = Mapping[str, tuple[float, float]]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[list[ScoreRow]]]:
    """Rows of one run for each method, with these distances and gains."""

    def make(arms: Arms, **fixed: Any) -> list[list[ScoreRow]]:
        made = []
        for place, (name, (distance, gain)) in enumerate(arms.items()):
            monkeypatch.setitem(toy_results.DISTANCES, name, distance)
            monkeypatch.setitem(toy_results.LEVELS, name, toy_results.LEVELS["real-only"] + gain)
            made.append(toy_results.rows(f"{place}{''.join(map(str, fixed.values()))}", name, **fixed))
        return made

    return make


def of(folder: Path, made: Sequence[list[ScoreRow]], **given: Any) -> Predictions:
    (found,) = predictions(toy_results.table(folder, *made), **given)
    return found


def predictor(found: Predictions, metric: str = "kd@random-convnet", split: str = "test") -> Predictor:
    (one,) = (one for one in found.predictors if (one.column.metric, one.column.split) == (metric, split))
    return one


@pytest.mark.parametrize(
    ("arms", "tau", "verdict"),
    [(MANY, 1.0, "predicts"), ({k: (d, -g) for k, (d, g) in MANY.items()}, -1.0, "predicts the opposite")],
)
def test_a_distance_that_predicts(tmp_path: Path, runs, arms: Arms, tau: float, verdict: str) -> None:
    one = predictor(of(tmp_path, runs(arms)))
    assert (one.methods.tau, one.methods.n, one.verdict) == (tau, 8, verdict)
    assert abs(one.methods.low + one.methods.high) > 0.9


@pytest.mark.parametrize(("arms", "tau"), [(PERFECT, 1.0), (INVERSE, -1.0), (NONE, -0.2)])
def test_five_methods_have_an_interval_and_decide_nothing_among_four_metrics(
    tmp_path: Path, runs, arms: Arms, tau: float
) -> None:
    one = predictor(of(tmp_path, runs(arms)))
    assert one.methods.tau == pytest.approx(tau)
    assert not one.methods.reason
    assert one.verdict == "undecided"
    assert one.p_holm == pytest.approx(min(4 * one.methods.p, 1.0))  # two distances, each to two splits


def test_few_methods_have_no_interval_and_are_undecided(tmp_path: Path, runs) -> None:
    found = of(tmp_path, runs(dict(list(PERFECT.items())[:3])))
    one = predictor(found)
    assert (one.methods.n, one.methods.tau, one.p_holm, one.verdict) == (3, 1.0, None, "undecided")
    assert (
        agreement_table(found).warnings[0].startswith("⚠ undecided: the boards have 3 methods, and it takes at least 5")
    )


def test_controls_do_not_decide_but_are_shown(tmp_path: Path, runs) -> None:
    one = predictor(of(tmp_path, runs(NONE)))
    assert one.all_arms.n == one.methods.n + 2  # copy and noise
    assert one.all_arms.tau != one.methods.tau
    assert {point.arm for point in one.points if point.is_control} == {"copy", "noise"}


def test_seeds_of_an_arm_are_one_arm(tmp_path: Path, runs) -> None:
    single = predictor(of(tmp_path / "1", _made(tmp_path / "1", runs(NONE))))
    several = predictor(of(tmp_path / "3", _made(tmp_path / "3", runs(NONE, seeds=3))))
    assert several.methods == single.methods
    assert len(several.points) == len(single.points) == 7


def test_folds_of_an_arm_are_one_arm(tmp_path: Path, runs) -> None:
    folds = [*runs(NONE, fold="1/2"), *runs(NONE, fold="2/2"), *runs(NONE, fold="all")]
    one = predictor(of(tmp_path, folds))
    assert (one.methods.boards, len(one.points)) == (1, 7)
    # where there are only single folds, a method is one method on two boards
    apart = predictor(of(tmp_path, folds[: 2 * len(NONE)]))
    assert (apart.methods.boards, apart.methods.n) == (2, 5)
    assert apart.methods.low == pytest.approx(one.methods.low)


def test_boards_are_joined_over_datasets_but_not_over_presets(tmp_path: Path, runs) -> None:
    made = [*runs(NONE, dataset="consep"), *runs(NONE, dataset="glysac"), *runs(PERFECT, preset="small")]
    by_preset = {found.preset: found for found in predictions(toy_results.table(tmp_path, *made))}
    assert {name: len(found.boards) for name, found in by_preset.items()} == {"smoke": 2, "small": 1}
    one = predictor(by_preset["smoke"])
    assert (one.methods.boards, one.methods.n) == (2, 5)
    assert one.on(by_preset["smoke"].boards[0]).boards == 1
    (only,) = predictions(toy_results.table(tmp_path, *made), dataset="glysac")
    assert len(only.boards) == 1


def test_encoders_of_one_name_are_not_mixed(tmp_path: Path, runs) -> None:
    other = [
        toy_results.changed(rows, lambda row: bool(row.encoder), encoder="random-convnet:34cd")
        for rows in runs(NONE, dataset="glysac")
    ]
    found = of(tmp_path, [*runs(NONE, dataset="consep"), *other])
    named = [(one.column.encoder, one.methods.boards) for one in found.predictors if one.column.metric.startswith("kd")]
    assert sorted(named) == [("random-convnet:12ab", 1)] * 2 + [("random-convnet:34cd", 1)] * 2


def test_older_versions_are_left_out_and_counted(tmp_path: Path, runs) -> None:
    new = [
        toy_results.changed(rows, lambda row: row.metric.startswith("kd"), protocol=2)
        for rows in runs(NONE, dataset="glysac")
    ]
    found = of(tmp_path, [*runs(NONE, dataset="consep"), *new])
    assert predictor(found).methods.boards == 1
    assert predictor(found, "fd@random-convnet").methods.boards == 2
    assert found.outdated == 2 * 7  # two splits of five methods and two controls
    assert any("14 rows of an older version" in line for line in agreement_table(found).remarks)


def test_missing_numbers_are_counted_by_reason(tmp_path: Path, runs) -> None:
    def is_sdm(row: ScoreRow) -> bool:
        return row.method == "sdm" and row.metric.startswith("kd") and row.split == "test"

    none = {"value": None, "ci_low": None, "ci_high": None, "reason": "too few images"}
    found = of(tmp_path, [toy_results.changed(rows, is_sdm, **none) for rows in runs(PERFECT)])
    one = predictor(found)
    assert (one.methods.n, one.n_missing) == (4, 1)
    assert found.missing == {"too few images": 1}
    assert "1 number missing: too few images" in agreement_table(found).remarks


def test_an_arm_with_a_leak_does_not_count(tmp_path: Path, runs) -> None:
    found = of(tmp_path, [*runs(PERFECT), [toy_results.leak(method="sdm")]])
    assert "sdm" not in {point.arm for point in predictor(found).points}
    assert any("sdm (sets that hold or resemble test images)" in line for line in found.left_out)


def test_boards_that_cannot_be_read_do_not_count(tmp_path: Path, runs) -> None:
    unread = [[row for row in rows if row.method != "noise"] for rows in runs(PERFECT, dataset="glysac")]
    found = of(tmp_path, [*runs(PERFECT, dataset="consep"), *unread])
    assert [name.split(" ")[0] for name in found.boards] == ["consep"]
    assert any("glysac" in line and "the control noise is missing" in line for line in found.left_out)


def test_tiny_means_nothing(tmp_path: Path, runs) -> None:
    found = of(tmp_path, runs(PERFECT, preset="tiny"))
    assert found.predictors == []
    assert "preset tiny mean nothing" in found.left_out[0]
    assert "no arm has both" in agreement_table(found).remarks[0]


def test_without_a_gain_there_is_nothing(tmp_path: Path, runs) -> None:
    made = [[row for row in rows if row.kind != "difference"] for rows in runs(PERFECT)]
    assert predictions(toy_results.table(tmp_path, *made)) == []


def test_every_format_says_the_same(tmp_path: Path, runs) -> None:
    table = agreement_table(of(tmp_path, runs(MANY)))
    for text in (as_markdown(table), plain(as_terminal(table, width=80), 80)):
        assert "+1.00" in text
        assert "predicts" in text
        assert "kd·10³ ↓ random-convnet vs test" in text
    lines = list(csv.DictReader(io.StringIO(as_csv([table]))))
    (read,) = json.loads(as_json([table]))["tables"]
    assert [line["metric"] for line in lines] == [row["metric"] for row in read["rows"]]
    assert {line["verdict"] for line in lines} == {"predicts"}
    assert read["rows"][0]["of_boards"] == "phantom · smoke · 600 steps · hovernet: 1.000"


@pytest.mark.parametrize("ending", [".png", ".svg"])
def test_the_picture_is_the_same_twice_and_shows_boards_in_their_colours(tmp_path: Path, runs, ending: str) -> None:
    found = of(tmp_path, [*runs(NONE, dataset="consep"), *runs(NONE, dataset="glysac")])
    first, second = tmp_path / f"a{ending}", tmp_path / f"b{ending}"
    agreement_picture(found, first)
    agreement_picture(found, second)
    assert first.read_bytes() == second.read_bytes()
    wanted = [tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5)) for colour in COLOURS[:3]]
    if ending == ".png":
        with Image.open(first) as image:
            seen = set(image.convert("RGB").get_flattened_data())
        assert [colour in seen for colour in wanted] == [True, True, False]
    else:
        text = first.read_text(encoding="utf-8")
        assert "Which fidelity metric predicts" in text  # letters, not outlines
        assert [colour.lower() in text for colour in COLOURS[:3]] == [True, True, False]


def test_a_picture_of_one_method_is_drawn(tmp_path: Path, runs) -> None:
    path = tmp_path / "one.png"
    agreement_picture(of(tmp_path, runs({"sdm": (6, 0.02)})), path)
    with Image.open(path) as image:
        assert image.width > 1000


def _made(folder: Path, made: list[list[ScoreRow]]) -> list[list[ScoreRow]]:
    folder.mkdir()
    return made
