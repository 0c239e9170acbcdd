"""Files of answers: those of pages are read; edited, cut, foreign and impossible ones are refused by name."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from bench.errors import DataError
from reports.study.answers import FiledAnswer, chain_start, link, read_answers, seal
from reports.study.key import Key
from tests.reports.study.made import answer_file, right, study, write


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return study(tmp_path_factory.mktemp("study")).key


def sealed_again(key: Key, file: dict[str, Any]) -> dict[str, Any]:
    """Return an edited file with a chain that fits: what the page itself would have written."""
    reader = next(one for one in key.readers if one.reader == file["reader"])
    last, answers = chain_start(key, reader), []
    for number, values in enumerate(file["answers"], 1):
        answer = FiledAnswer.model_validate(values)
        last = link(reader.token, last, number, answer)
        answers.append({**values, "link": last})
    return {**file, "answers": answers, "seal": seal(reader.token, last, len(answers), file["complete"])}


def refused(key: Key, tmp_path: Path, file: dict[str, Any], **options: bool) -> DataError:
    path = write(tmp_path / "someone.json", file)
    with pytest.raises(DataError) as caught:
        read_answers(key, [path], **options)
    assert str(path) in caught.value.message
    return caught.value


def test_files_of_pages_are_read(key: Key, tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{n}.json", answer_file(key, n, right)) for n in (1, 0)]
    first, second = read_answers(key, paths)
    assert (first.reader, second.reader) == ("reader-1", "reader-2")
    assert first.complete
    assert len(first.answers) == 26
    assert sum(answer.repeat for answer in first.answers) == 4
    assert {answer.choice for answer in first.answers if answer.question.task == "preference"} == {"diffmix"}


FORGED = {
    "another choice": (lambda file: file["answers"][10].update(ms=4000), "answer 11 does not fit its hash"),
    "an answer removed": (lambda file: file["answers"].pop(5), "answer 6 is to the unknown item"),
    "two answers exchanged": (lambda file: file["answers"].reverse(), "answer 1 is to the unknown item"),
    "cut at the end": (lambda file: file["answers"].pop(), "the seal does not fit"),
    "cut, and said so": (lambda file: (file["answers"].pop(), file.update(complete=False)), "the seal does not fit"),
    "another seal": (lambda file: file.update(seal="0" * 64), "the seal does not fit"),
    "a hash that is none": (lambda file: file["answers"][0].update(link="x"), "answer 1 does not fit its hash"),
    "a further field": (lambda file: file.update(score=1.0), "score"),
    "other questions": (lambda file: file.update(items="0" * 64), "other questions than those of reader-1"),
    "an option that was not offered": (lambda file: file["answers"][0].update(choice="both"), "'both', which was not"),
}


@pytest.mark.parametrize("name", FORGED)
def test_edited_files_are_refused(key: Key, tmp_path: Path, name: str) -> None:
    change, got = FORGED[name]
    file = copy.deepcopy(answer_file(key, 0, right))
    change(file)
    error = refused(key, tmp_path, file, allow_partial=True)
    assert "changed after the page saved them" in error.message
    assert got in error.got


def test_an_item_too_many_and_an_unknown_item_are_refused_even_with_a_chain_that_fits(key: Key, tmp_path: Path) -> None:
    file = answer_file(key, 0, right)
    more = sealed_again(key, {**file, "answers": [*file["answers"], file["answers"][-1]]})
    assert "answer 27 is to the unknown item" in refused(key, tmp_path, more).got
    other = copy.deepcopy(file)
    other["answers"][3]["trial"] = key.readers[1].trials[3].name
    assert "answer 4 is to the unknown item" in refused(key, tmp_path, sealed_again(key, other)).got


TIMES = {
    "faster than anyone sees": ({"ms": 12}, "after 12 ms"),
    "negative": ({"ms": -5}, "after -5 ms"),
    "before the answer before": ({"at": 1}, "begun before"),
    "longer than the time since": ({"ms": 10_000_000}, "begun before answer 7"),
    "in the future": ({"at": 4_102_444_800_000}, "of the future"),
}


@pytest.mark.parametrize("name", TIMES)
def test_impossible_times_are_refused(key: Key, tmp_path: Path, name: str) -> None:
    change, got = TIMES[name]
    file = copy.deepcopy(answer_file(key, 0, right))
    file["answers"][7].update(change)
    error = refused(key, tmp_path, sealed_again(key, file))
    assert "times" in error.message
    assert "answer 8" in error.got
    assert got in error.got


def test_partial_files_need_permission(key: Key, tmp_path: Path) -> None:
    file = answer_file(key, 0, right, stop=10)
    assert "10 of 26 questions of reader-1" in refused(key, tmp_path, file).got
    (read,) = read_answers(key, [write(tmp_path / "a.json", file)], allow_partial=True)
    assert not read.complete
    assert len(read.answers) == 10


def test_two_files_of_one_reader_are_refused(key: Key, tmp_path: Path) -> None:
    paths = [write(tmp_path / name, answer_file(key, 0, right)) for name in ("a.json", "b.json")]
    with pytest.raises(DataError, match="Two files are of reader-1") as caught:
        read_answers(key, paths)
    assert "a.json" in caught.value.got
    assert "b.json" in caught.value.got


def test_files_of_another_study_and_reader_are_refused(key: Key, tmp_path: Path) -> None:
    other = study(tmp_path / "other", seed="another").key
    assert "another study" in refused(key, tmp_path, answer_file(other, 0, right)).message
    assert "unknown reader" in refused(key, tmp_path, answer_file(key, 0, right) | {"reader": "reader-9"}).message


@pytest.mark.parametrize("text", ["", "[]", "{}", "not json", json.dumps({"format": "x"})])
def test_other_files_are_refused(key: Key, tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"x\.json"):
        read_answers(key, [path])


def test_missing_files_and_wrong_keys_are_refused(key: Key, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file of answers"):
        read_answers(key, [tmp_path / "none.json"])
    with pytest.raises(DataError, match="no key"):
        Key.read(tmp_path / "none.json")
    with pytest.raises(DataError, match="not the key of a study"):
        Key.read(write(tmp_path / "a.json", answer_file(key, 0, right)))
