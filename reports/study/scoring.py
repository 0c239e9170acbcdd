"""The numbers of a study: what readers recognised, what they preferred, and how far they agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

import numpy as np
from jaxtyping import Bool, Float64

from metrics.groups import MEAN, Statistic, mean_statistics
from metrics.proportion import exact_proportion
from metrics.raters import KAPPA, rater_statistics
from metrics.readers import BALANCED, ReaderNumber, balanced_statistics, of_readers
from metrics.uncertainty import Interval, holm
from reports.study.answers import Answer, ReaderAnswers
from reports.study.key import REAL, SYNTHETIC, Key, KeyQuestion, Task
from reports.study.results import OVERALL, Bounds, Confusion, Number, ReaderSummary, Share, StudyResults

_Answers = Float64[np.ndarray, "readers questions"]
LEVEL = 0.95
OF_THESE = "kappa is the agreement of these readers: it has no interval for others"


def score(key: Key, readers: Sequence[ReaderAnswers]) -> StudyResults:
    """Return the results of a study from the answers of its readers."""
    turing, preference = _Task.of(key, readers, "turing"), _Task.of(key, readers, "preference")
    numbers = [
        *_recognised(turing, key.methods),
        *_preferred(preference, key.methods),
        *_agreed(turing, (REAL, SYNTHETIC)),
        *_agreed(preference, key.methods),
    ]
    return StudyResults(
        study=key.study,
        title=key.title,
        dataset=key.dataset,
        methods=key.methods,
        readers=tuple(_summary(reader, key) for reader in readers),
        partial=tuple(reader.reader for reader in readers if not reader.complete),
        numbers=tuple(numbers),
        confusion=tuple(_confusion(turing, key.methods)),
    )


@dataclass(frozen=True)
class _Task:
    """The answers to one task, readers by questions, empty if one is missing; `again` are those to repeats."""

    name: Task
    questions: tuple[KeyQuestion, ...]
    origins: tuple[str, ...]
    groups: tuple[str, ...]
    first: tuple[tuple[str, ...], ...]
    again: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, key: Key, readers: Sequence[ReaderAnswers], task: Task) -> _Task:
        images = {image.name: image for image in key.images}
        # a question is of use if someone answered it
        answered = {answer.question.name for reader in readers for answer in reader.answers}
        questions = tuple(one for one in key.questions if one.task == task and one.name in answered)
        about = [images[one.images[0]] for one in questions]
        given = {
            (reader.reader, answer.question.name, answer.repeat): answer.choice
            for reader in readers
            for answer in reader.answers
        }
        first, again = (
            tuple(tuple(given.get((r.reader, q.name, repeat), "") for q in questions) for r in readers)
            for repeat in (False, True)
        )
        origins = tuple(one.method or REAL for one in about)
        return cls(task, questions, origins, tuple(one.group for one in about), first, again)

    @cached_property
    def given(self) -> Bool[np.ndarray, "readers questions"]:
        """Whether a question was answered."""
        return np.array([[bool(choice) for choice in row] for row in self.first]).reshape(len(self.first), -1)

    def are(self, choice: str) -> _Answers:
        """Return 1 for answers of one choice, 0 for others, NaN for none."""
        same = np.array([[one == choice for one in row] for row in self.first], np.float64)
        return np.where(self.given, same.reshape(self.given.shape), np.nan)

    def number(
        self,
        metric: str,
        method: str,
        statistics: Float64[np.ndarray, "readers questions k"],
        which: Bool[np.ndarray, " questions"],
        *,
        statistic: Statistic = MEAN,
        chance: float | None = None,
        families: int = 1,
        bounds: tuple[float, float] = (0.0, 1.0),
    ) -> Iterator[Number]:
        """Yield one number over some questions, if one of them was answered; `families` methods share its level."""
        given = self.given[:, which]
        if not given.any():
            return
        used = statistics[:, which]
        # a reader who stopped early may have answered nothing of the kind
        known = ~np.isnan(statistic(used.sum(axis=1)))
        groups = [group for group, chosen in zip(self.groups, which, strict=True) if chosen]
        level = 1 - (1 - LEVEL) / families
        of_known = used[known] if known.any() else used
        found = of_readers(of_known, groups, statistic, bounds=bounds, level=level, chance=chance)
        about = {"chance": chance, "simultaneous": families > 1}
        yield _number(metric, method, found, n=int(given.sum()), n_images=int(which.sum()), **about)


def _recognised(task: _Task, methods: Sequence[str]) -> Iterable[Number]:
    """Yield what readers recognised: of all images, and of each method's."""
    if not task.questions:
        return
    real = np.array([origin == REAL for origin in task.origins])
    correct = np.where(real, task.are(REAL), task.are(SYNTHETIC))
    balanced, shares, everything = balanced_statistics(correct, real), mean_statistics(correct), np.ones_like(real)
    yield from task.number("turing_accuracy", OVERALL, balanced, everything, statistic=BALANCED, chance=0.5)
    yield from task.number("turing_sensitivity", OVERALL, shares, ~real)
    yield from task.number("turing_specificity", OVERALL, shares, real)
    fooled = mean_statistics(task.are(REAL))
    own = {method: np.array([origin == method for origin in task.origins]) for method in methods}
    yield from _adjusted(
        number
        for method in methods
        if own[method].any()
        for number in task.number(
            "turing_accuracy", method, balanced, real | own[method], statistic=BALANCED, chance=0.5
        )
    )
    for method in methods:
        yield from task.number("taken_for_real", method, fooled, own[method])


def _preferred(task: _Task, methods: Sequence[str]) -> Iterable[Number]:
    """Yield the share of questions in which each method was chosen; intervals hold for all methods together."""
    if not task.questions:
        return
    every, n = np.ones(len(task.questions), bool), len(methods)
    yield from _adjusted(
        number
        for method in methods
        for number in task.number(
            "preference_share", method, mean_statistics(task.are(method)), every, chance=1 / n, families=n
        )
    )


def _agreed(task: _Task, choices: Sequence[str]) -> Iterable[Number]:
    """Yield the agreement of readers with each other, and with themselves."""
    if not task.questions:
        return
    by_all = task.given.all(axis=0)
    if len(task.first) > 1 and by_all.any():
        counts = np.stack([np.nansum(task.are(choice), axis=0) for choice in choices], axis=-1).astype(np.int64)
        of_raters = rater_statistics(counts[by_all])
        statistics = np.zeros((1, len(by_all), of_raters.shape[1]))
        statistics[0, by_all] = of_raters
        kappa = task.number(
            f"fleiss_kappa/{task.name}", OVERALL, statistics, by_all, statistic=KAPPA, bounds=(-1.0, 1.0)
        )
        yield from (found.model_copy(update={"others": Bounds(reason=OF_THESE)}) for found in kappa)
    same = np.array(
        [
            [float(one == two) if one and two else np.nan for one, two in zip(first, again, strict=True)]
            for first, again in zip(task.first, task.again, strict=True)
        ]
    )
    repeated = ~np.isnan(same).all(axis=0)
    agreement = task.number(f"repeat_agreement/{task.name}", OVERALL, mean_statistics(same), repeated)
    yield from (found.model_copy(update={"n": int((~np.isnan(same)).sum())}) for found in agreement)


def _adjusted(numbers: Iterable[Number]) -> list[Number]:
    """Return numbers with p-values adjusted for their number (Holm), for each kind of interval."""
    found = list(numbers)
    adjusted = {
        kind: holm([np.nan if (p := getattr(one, kind).p) is None else p for one in found])
        for kind in ("these", "others")
    }
    return [
        one.model_copy(
            update={kind: getattr(one, kind).model_copy(update={"p_holm": _some(p[i])}) for kind, p in adjusted.items()}
        )
        for i, one in enumerate(found)
    ]


def _number(
    metric: str, method: str, found: ReaderNumber, *, n: int, n_images: int, chance: float | None, simultaneous: bool
) -> Number:
    return Number(
        metric=metric,
        method=method,
        value=_some(found.these.value),
        se=_some(found.widest.se),
        these=_bounds(found.these, found.p_these),
        others=_bounds(found.others, found.p_others),
        chance=chance,
        simultaneous=simultaneous,
        n=n,
        n_images=n_images,
        n_groups=found.these.n_groups,
    )


def _bounds(interval: Interval, p: float) -> Bounds:
    return Bounds(low=_some(interval.low), high=_some(interval.high), p=_some(p), reason=interval.reason)


def _some(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _summary(reader: ReaderAnswers, key: Key) -> ReaderSummary:
    """Return what one reader answered, with exact intervals."""
    origins = {image.name: image.origin for image in key.images}
    first = [answer for answer in reader.answers if not answer.repeat]
    turing = [answer for answer in first if answer.question.task == "turing"]

    def right(answer: Answer) -> bool:
        return answer.choice == origins[answer.question.images[0]]

    def recognised(origin: str) -> Share | None:
        return _share(right, [one for one in turing if origins[one.question.images[0]] == origin])

    before = {answer.question.name: answer.choice for answer in first}
    chosen = [answer.choice for answer in first if answer.question.task == "preference"]
    return ReaderSummary(
        reader=reader.reader,
        answered=len(reader.answers),
        asked=reader.asked,
        accuracy=_share(right, turing),
        sensitivity=recognised(SYNTHETIC),
        specificity=recognised(REAL),
        repeats=_share(
            lambda answer: before[answer.question.name] == answer.choice,
            [answer for answer in reader.answers if answer.repeat],
        ),
        preferences={method: chosen.count(method) for method in key.methods} if chosen else {},
        median_seconds=median(answer.ms for answer in reader.answers) / 1000 if reader.answers else 0.0,
    )


def _share(of: Callable[[Answer], bool], answers: Sequence[Answer]) -> Share | None:
    if not answers:
        return None
    count = sum(map(of, answers))
    found = exact_proportion(count, len(answers))
    return Share(count=count, of=len(answers), value=found.value, low=found.low, high=found.high)


def _confusion(task: _Task, methods: Sequence[str]) -> Iterable[Confusion]:
    for origin in (REAL, *methods):
        own = np.array([one == origin for one in task.origins], bool)
        if own.any():
            called = {choice: int(np.nansum(task.are(choice)[:, own])) for choice in (REAL, SYNTHETIC)}
            yield Confusion(origin=origin, called_real=called[REAL], called_synthetic=called[SYNTHETIC])
