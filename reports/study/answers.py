"""Reads the files of answers that pages save, and refuses those that were edited, cut short or are of another study.

A file is a chain: every answer has a hash of itself, of the answer before and of the reader's token, and the file ends
with a seal over the last one and the number of answers. The token is also on the reader's page, so the chain shows
that a file was changed on its way, and not that a reader who can program was honest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

from bench.contract import Settings
from bench.errors import DataError
from reports.study.draft import by_name
from reports.study.key import REAL, SYNTHETIC, Key, KeyQuestion, KeyReader, KeyTrial
from reports.study.pages import FEWEST_MS

_DAY = timedelta(days=1)
_JITTER_MS = 2000
"""Milliseconds by which the two clocks of a browser may disagree."""


class FiledAnswer(Settings):
    """One answer in a file: `ms` after the images were shown, `at` by the reader's clock (ms since 1970, UTC)."""

    trial: str
    choice: str
    ms: int
    at: int
    link: str


class FiledAnswers(Settings):
    """A file of answers as a page saves it."""

    format: Literal["augbench reader study answers"]
    version: Literal[1]
    study: str
    reader: str
    items: str
    complete: bool
    answers: tuple[FiledAnswer, ...]
    seal: str


class Answer(NamedTuple):
    """An answer with its meaning: the question, and the chosen method, or `real` or `synthetic`."""

    question: KeyQuestion
    choice: str
    repeat: bool
    ms: int


class ReaderAnswers(NamedTuple):
    """The answers of one reader, of `asked` questions."""

    reader: str
    answers: tuple[Answer, ...]
    asked: int

    @property
    def complete(self) -> bool:
        """Whether every question was answered."""
        return len(self.answers) == self.asked


def read_answers(key: Key, paths: Iterable[Path], *, allow_partial: bool = False) -> list[ReaderAnswers]:
    """Return the answers in files, by reader.

    Raises:
        DataError: a file is not one of this study, was changed, has impossible times, is one of a reader who has
            another file, or is partial and `allow_partial` is not given; the file is named.
    """
    found: dict[str, tuple[Path, ReaderAnswers]] = {}
    for path in paths:
        filed = _parse(path)
        reader = _check(key, path, filed)
        if reader.reader in found:
            raise DataError(
                f"Two files are of {reader.reader}",
                got=f"{found[reader.reader][0]} and {path}",
                fix="give one file per reader, the last one that the reader saved",
            )
        if not filed.complete and not allow_partial:
            raise DataError(
                f"The answers in {path} are not complete",
                got=f"{len(filed.answers)} of {len(reader.trials)} questions of {reader.reader}",
                fix="ask the reader to continue, or give --allow-partial",
            )
        found[reader.reader] = path, _meaning(key, reader, filed)
    if not found:
        raise DataError("There are no answers", got="no file", fix="give the files that readers saved")
    return [answers for _, (_, answers) in sorted(found.items())]


def chain_start(key: Key, reader: KeyReader) -> str:
    """Return the hash that the first answer of a reader is linked to."""
    return _hash(reader.token, key.study, reader.reader, reader.items)


def link(token: str, last: str, number: int, answer: FiledAnswer) -> str:
    """Return the hash of an answer, the `number`-th, and of all before it."""
    return _hash(token, last, number, answer.trial, answer.choice, answer.ms, answer.at)


def seal(token: str, last: str, number: int, complete: bool) -> str:
    """Return the hash that closes a file of `number` answers."""
    return _hash(token, last, number, "complete" if complete else "partial")


def _hash(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


def _parse(path: Path) -> FiledAnswers:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"There is no file of answers at {path}", got="no such file") from error
    except (OSError, ValueError) as error:
        raise DataError(f"This is not a file of answers: {path}", got=str(error).splitlines()[0], fix=_ASK) from error
    try:
        return FiledAnswers.model_validate(values)
    except ValueError as error:
        # the first of pydantic's complaints: a line with the field, and one that says what is wrong with it
        raise _changed(path, ": ".join(line.strip() for line in str(error).splitlines()[1:3])) from error


def _check(key: Key, path: Path, filed: FiledAnswers) -> KeyReader:
    """Return the reader of a file that belongs to this study and was not changed."""
    if filed.study != key.study:
        fix = "give the key of that study"
        raise DataError(f"The answers in {path} are of another study", got=f"{filed.study}, not {key.study}", fix=fix)
    reader = next((one for one in key.readers if one.reader == filed.reader), None)
    if reader is None:
        known = ", ".join(one.reader for one in key.readers)
        raise DataError(f"The answers in {path} are of an unknown reader", got=f"{filed.reader!r}, not one of {known}")
    if filed.items != reader.items:
        raise _changed(path, f"other questions than those of {reader.reader}")
    _check_items(path, filed.answers, reader, key)
    last = chain_start(key, reader)
    for number, answer in enumerate(filed.answers, 1):
        last = link(reader.token, last, number, answer)
        if last != answer.link:
            raise _changed(path, f"answer {number} does not fit its hash")
    if filed.seal != seal(reader.token, last, len(filed.answers), filed.complete):
        raise _changed(path, "the seal does not fit: answers were removed or added at the end")
    if filed.complete != (len(filed.answers) == len(reader.trials)):
        raise _changed(path, f"{len(filed.answers)} of {len(reader.trials)} answers, complete: {filed.complete}")
    _check_times(path, filed.answers, key)
    return reader


def _check_items(path: Path, answers: Sequence[FiledAnswer], reader: KeyReader, key: Key) -> None:
    """Refuse answers to questions that were not asked at this place, and choices that were not offered."""
    questions = by_name(key.questions)
    for number, answer in enumerate(answers, 1):
        trial = reader.trials[number - 1] if number <= len(reader.trials) else None
        if trial is None or answer.trial != trial.name:
            raise _changed(path, f"answer {number} is to the unknown item {answer.trial!r}")
        if answer.choice not in _offered(questions[trial.question], trial):
            raise _changed(path, f"answer {number} is {answer.choice!r}, which was not offered")


def _offered(question: KeyQuestion, trial: KeyTrial) -> tuple[str, ...]:
    return (REAL, SYNTHETIC) if question.task == "turing" else trial.options


def _check_times(path: Path, answers: Sequence[FiledAnswer], key: Key) -> None:
    """Refuse answers that were given faster than anyone can see, before one another, or not since the study began."""
    begun, now = datetime.fromisoformat(key.created) - _DAY, datetime.now(UTC) + _DAY
    last = int(begun.timestamp() * 1000)
    for number, answer in enumerate(answers, 1):
        wrong = ""
        if answer.ms < FEWEST_MS:
            wrong = f"was given after {answer.ms} ms; the page takes none before {FEWEST_MS} ms"
        elif answer.at - answer.ms < last - _JITTER_MS:
            before = "the study was built" if number == 1 else f"answer {number - 1}"
            wrong = f"was begun before {before}"
        elif answer.at > now.timestamp() * 1000:
            wrong = f"is of the future: {datetime.fromtimestamp(answer.at / 1000, UTC):%Y-%m-%d}"
        if wrong:
            raise DataError(f"The times in {path} are impossible", got=f"answer {number} {wrong}", fix=_ASK)
        last = answer.at


_ASK = "ask the reader for the file that the page saved, unchanged"


def _changed(path: Path, got: str) -> DataError:
    return DataError(f"The answers in {path} were changed after the page saved them", got=got, fix=_ASK)


def _meaning(key: Key, reader: KeyReader, filed: FiledAnswers) -> ReaderAnswers:
    """Look up in the key what a reader has chosen."""
    questions, images = by_name(key.questions), {image.name: image for image in key.images}
    answers = []
    for trial, answer in zip(reader.trials, filed.answers, strict=False):
        question = questions[trial.question]
        choice = answer.choice
        if question.task == "preference":
            choice = images[reader.images[choice]].method
        answers.append(Answer(question, choice, trial.repeat, answer.ms))
    return ReaderAnswers(reader.reader, tuple(answers), len(reader.trials))
