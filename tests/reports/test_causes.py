"""Footnotes: one per cause with all names, in the words of their readers."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.evaluation.alignment import NO_CAPTIONS
from bench.evaluation.distances.result import NO_INTERVAL
from bench.evaluation.faithfulness import NEEDS_SOURCE, SHOWS_NO_MASK
from reports.causes import Cause, causes
from reports.footnotes import Footnotes
from reports.leaderboard import leaderboard
from reports.sheet import sheet_of
from tests import toy_results as toy

DEFICIENT = "n = 96 <= d = 198: the Frechet distance is rank deficient and rewards low diversity; read kd"


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        ("", []),
        (f"copy {NEEDS_SOURCE}", [("cannot draw a mask without its real patch", "")]),
        (f"pathdiff-t (text=x) {SHOWS_NO_MASK}", [("does not draw masks", "")]),
        (f"fold 1/2: sdm {SHOWS_NO_MASK}", [("does not draw masks", "fold 1/2")]),
        (NO_CAPTIONS, [("no captions", "")]),
        (
            "images of a slide vary 0.17 [0.13, 0.22] times as much as real ones",
            [("less than real", "0.17 [0.13, 0.22]")],
        ),
        ("12 images with nuclei in only one of truth and prediction count as their diagonal", [("images with", "12")]),
        (
            "no interval: of 8 groups, 1.6 contribute to the number, as if x; it needs at least 2",
            [("groups", "1.6 of 8")],
        ),
        (
            f"{NO_INTERVAL['fd']}; {DEFICIENT}; something else",
            [("no interval", ""), ("read kd instead", "96 images, 198 features"), ("something else", "")],
        ),
        (NO_INTERVAL["auth_pct"], [("resampling repeats images", "")]),
    ],
)
def test_reasons_are_said_in_words_with_the_details_of_the_arm(reason: str, found: list[tuple[str, str]]) -> None:
    said = causes(reason)
    assert len(said) == len(found)
    for cause, (words, detail) in zip(said, found, strict=True):
        assert words in cause.words
        assert cause.detail == detail
        assert "draws_any_mask" not in cause.words


def test_what_is_not_known_is_said_as_it_is() -> None:
    assert causes("weights are lacking") == [Cause("weights are lacking")]


def test_a_cause_is_one_footnote_with_all_names(tmp_path: Path) -> None:
    rows = toy.changed(
        toy.rows(), lambda row: row.metric in ("dice/image", "aji/image") and row.method != "real-only", value=None
    )
    rows = [row.model_copy(update={"reason": NO_CAPTIONS}) if row.value is None and row.seeds else row for row in rows]
    (board,) = leaderboard(toy.table(tmp_path, rows))
    notes = [note.text for note in sheet_of(board).footnotes]
    assert notes.count("no captions: copy, noise, diffmix") == 1
    assert sum(text.startswith("no captions") for text in notes) == 1


def test_a_cause_of_a_whole_column_stands_at_its_heading(tmp_path: Path) -> None:
    (board,) = leaderboard(toy.table(tmp_path, toy.rows()))
    sheet = sheet_of(board)
    notes = {note.letter: note.text for note in sheet.footnotes}
    columns = [column for block in sheet.blocks for column in block.columns if column.heading[0].startswith("fd")]
    assert columns
    for column in columns:
        assert not any(entry.letters for entry in column.entries)
        assert [notes[letter] for letter in column.letters] == [toy.NO_BOOTSTRAP]


def test_two_causes_in_the_same_words_have_one_letter() -> None:
    notes = Footnotes()
    found = [Cause("images vary less", "0.18"), Cause("too few images"), Cause("images vary less", "0.19")]
    assert notes.of_cell(found, "noise") == "ab"
    assert notes.listed()[0].text == "images vary less: noise (0.18 and 0.19)"


def test_what_holds_for_a_column_and_for_some_arms_are_two_footnotes() -> None:
    notes = Footnotes()
    assert notes.of_column([Cause("no interval")]) == "a"
    assert notes.of_cell([Cause("no interval")], "noise") == "b"
    assert [note.text for note in notes.listed()] == ["no interval", "no interval: noise"]
