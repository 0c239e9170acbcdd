"""What a study found, as one document: `study.json` in the results of a store, and what `--json` prints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self

from bench.contract import Settings

FILE = "study.json"
SCHEMA_VERSION = 1
OVERALL = "reader study"
"""What stands for the method in numbers about readers and not about one method."""


class Bounds(Settings):
    """An interval of 95 % (simultaneous over methods if the number says so), with a p-value against chance."""

    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    reason: str = ""


class Number(Settings):
    """One number: `these` is its interval for these readers and other images, `others` for other readers as well.

    `n` is the number of answers, `n_images` that of images or questions, `n_groups` that of slides or patients.
    """

    metric: str
    method: str
    value: float | None
    se: float | None = None
    these: Bounds
    others: Bounds
    chance: float | None = None
    simultaneous: bool = False
    n: int
    n_images: int
    n_groups: int


class Share(Settings):
    """A share with its exact interval."""

    count: int
    of: int
    value: float
    low: float
    high: float


class ReaderSummary(Settings):
    """One reader; shares are None where the reader answered nothing of the kind."""

    reader: str
    answered: int
    asked: int
    accuracy: Share | None
    sensitivity: Share | None
    specificity: Share | None
    repeats: Share | None
    preferences: dict[str, int]
    median_seconds: float


class Confusion(Settings):
    """Numbers of answers of all readers about images of one origin: `real`, or the name of a method."""

    origin: str
    called_real: int
    called_synthetic: int


class StudyResults(Settings):
    """The results of a study; `partial` are the readers who did not answer all questions."""

    schema_version: int = SCHEMA_VERSION
    study: str
    title: str
    dataset: str
    methods: tuple[str, ...]
    readers: tuple[ReaderSummary, ...]
    partial: tuple[str, ...]
    numbers: tuple[Number, ...]
    confusion: tuple[Confusion, ...]

    def of(self, metric: str) -> tuple[Number, ...]:
        """Return the numbers of a metric, one per method or one for all."""
        return tuple(number for number in self.numbers if number.metric == metric)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the results in a file."""
        return cls.model_validate_json(path.read_text(encoding="utf-8"))


def stored_studies(store: Path) -> Iterator[StudyResults]:
    """Yield the results of the studies whose rows are in a store, in the order of their file names."""
    for path in sorted((store / "results").glob(f"*/{FILE}")):
        yield StudyResults.read(path)
