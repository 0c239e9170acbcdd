"""What each reader sees, in which order: drawn for each reader, with positions in balance."""

from __future__ import annotations

from collections.abc import Sequence

from reports.study.draft import Amounts, Draft
from reports.study.key import KeyQuestion, KeyReader, KeyTrial, Task, digest_trials
from reports.study.secret import Secret

APART = 3
"""Questions that are at least between a question and its repeat, if there are enough."""


def of_reader(number: int, draft: Draft, amounts: Amounts, secret: Secret) -> KeyReader:
    """Return the page of one reader; every second reader begins with the Turing test."""
    reader = f"reader-{number}"
    tasks: list[Task] = ["preference", "turing"] if number % 2 else ["turing", "preference"]
    names = {name: secret.name("shown", reader, name) for name in draft.images}
    trials: list[KeyTrial] = []
    kinds: list[Task] = []
    for task in tasks:
        block = _block(reader, [one for one in draft.questions if one.task == task], amounts, secret)
        trials += [trial.model_copy(update={"options": tuple(names[n] for n in trial.options)}) for trial in block]
        kinds += [task] * len(block)
    return KeyReader(
        reader=reader,
        token=secret.draw("token", reader)[:32],
        items=digest_trials(trials, kinds),
        images={shown: name for name, shown in names.items()},
        trials=tuple(trials),
    )


def _block(reader: str, questions: Sequence[KeyQuestion], amounts: Amounts, secret: Secret) -> list[KeyTrial]:
    """Return the trials of one task; repeats of questions of its first half are spread over its second half."""
    asked = secret.shuffled(questions, "order", reader)
    first = [
        KeyTrial(name=secret.name("trial", reader, one.name), question=one.name, options=options)
        for one, options in zip(asked, _positions(reader, asked, secret), strict=True)
    ]
    n = amounts.repeated(len(asked)) if asked else 0
    half = len(first) // 2
    early = first[: max(n, half - APART)]
    again = [_again(reader, trial, secret) for trial in secret.shuffled(early, "repeats", reader)[:n]]
    return first[:half] + secret.shuffled([*first[half:], *again], "second half", reader)


def _again(reader: str, trial: KeyTrial, secret: Secret) -> KeyTrial:
    """Return the repeat of a trial: under another name, its options in the opposite order."""
    return KeyTrial(
        name=secret.name("repeat", reader, trial.question),
        question=trial.question,
        options=trial.options[::-1],
        repeat=True,
    )


def _positions(reader: str, questions: Sequence[KeyQuestion], secret: Secret) -> list[tuple[str, ...]]:
    """Return the order of each question's images; every method is in every position equally often.

    Questions come in rounds of as many as there are methods. The order of a round is drawn, and turned by one place
    from question to question.
    """
    found = []
    for number, question in enumerate(questions):
        n = len(question.images)
        places = secret.shuffled(range(n), "positions", reader, number // n)
        turn = number % n
        found.append(tuple(question.images[place] for place in (*places[turn:], *places[:turn])))
    return found
