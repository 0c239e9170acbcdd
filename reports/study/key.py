"""The key of a study: what every image on its pages is. It stays with the owner of the study."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from bench.contract import Settings
from bench.errors import DataError

SCHEMA_VERSION = 1
REAL, SYNTHETIC = "real", "synthetic"
Task = Literal["preference", "turing"]


class StudySet(Settings):
    """A sealed set: the name of its method in the study, the key of its step, and what its manifest says."""

    method: str
    step: str
    plugin: str
    variant: str
    use: str
    digest: str
    seed: int


class KeyImage(Settings):
    """What an image is: where it comes from, and its slide or patient."""

    name: str
    origin: Literal["real", "synthetic"]
    method: str = ""
    sample: str
    group: str
    label: str = ""


class KeyQuestion(Settings):
    """One question, which every reader is asked: names of its images, one for a Turing test."""

    name: str
    task: Task
    images: tuple[str, ...]


class KeyTrial(Settings):
    """A question as a reader sees it: `options` are the names of images on the reader's page, in their order."""

    name: str
    question: str
    options: tuple[str, ...]
    repeat: bool = False


class KeyReader(Settings):
    """One reader's page; `images` maps names of images on the page to those of the key."""

    reader: str
    token: str
    items: str
    images: dict[str, str]
    trials: tuple[KeyTrial, ...]


class Key(Settings):
    """The key of a study; `secret` drew all names and orders."""

    schema_version: int = SCHEMA_VERSION
    study: str
    title: str
    created: str
    secret: str
    dataset: str
    split: str
    sets: tuple[StudySet, ...]
    images: tuple[KeyImage, ...]
    questions: tuple[KeyQuestion, ...]
    readers: tuple[KeyReader, ...]

    @property
    def methods(self) -> tuple[str, ...]:
        """The names of the methods."""
        return tuple(one.method for one in self.sets)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the key in a file.

        Raises:
            DataError: it is missing, or not the key of a study.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            return cls.model_validate(values)
        except FileNotFoundError as error:
            raise DataError(
                f"There is no key at {path}", got="no such file", fix="give key.json of the study"
            ) from error
        except (OSError, ValueError) as error:
            got = str(error).splitlines()[0]
            raise DataError(
                f"This is not the key of a study: {path}", got=got, fix="give key.json of the study"
            ) from error


def digest_trials(trials: Sequence[KeyTrial], tasks: Sequence[Task]) -> str:
    """Return the hash of what a page asks: names of trials, their tasks and options, in order."""
    lines = (f"{trial.name}|{task}|{','.join(trial.options)}" for trial, task in zip(trials, tasks, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
