"""Small sealed sets, real images, studies of them, and files of answers as pages save them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench.contract import Condition, DatasetInfo
from bench.synthetic import SyntheticSet, SyntheticSetWriter
from reports.study.answers import FiledAnswer, chain_start, link, seal
from reports.study.draft import Amounts, by_name
from reports.study.key import Key, KeyImage, KeyQuestion
from reports.study.pages import Built, build_study
from reports.study.pools import Pool, RealImage

SIDE = 16
METHODS = ("sdm", "diffmix")
AMOUNTS = Amounts(preference=6, turing=16, repeats=2)
Chooses = Callable[[KeyQuestion, Sequence[KeyImage]], str]
"""What a reader answers to a question with some images: a method, or `real` or `synthetic`."""


def mask(number: int, side: int = SIDE) -> np.ndarray:
    """Return an instance map that differs for each number."""
    made = np.zeros((side, side), np.int32)
    made[1:5, 1 + number % 9 : 4 + number % 9] = 1
    made[8 : 9 + number // 9, 3:7] = 2
    return made


def sealed(
    folder: Path,
    method: str,
    *,
    masks: Sequence[int] = range(24),
    side: int = SIDE,
    mpp: float = 0.5,
    dataset: str = "phantom",
    labels: bool = False,
    rename: str = "test",
    seed: int = 0,
    pixels: np.ndarray | None = None,
) -> SyntheticSet:
    """Seal a set with one image of each mask (or class), of random colours or all of the same pixels."""
    names = ("gland", "stroma", "fat") if labels else ()
    info = DatasetInfo(dataset, "train", "tissue" if labels else "nuclei", ("a", "b"), names, mpp)
    writer = SyntheticSetWriter(folder, info, {})
    rng = np.random.default_rng([seed, *map(ord, method)])
    for index, number in enumerate(masks):
        condition = Condition(
            id=f"{rename}-{number:05d}",
            kind="test-mask",
            seed=index,
            instances=None if labels else mask(number, side),
            types=None if labels else np.array([1, 2], np.uint8),
            label=number % 3 if labels else None,
        )
        drawn = rng.integers(0, 256, (side, side, 3), dtype=np.uint8) if pixels is None else pixels
        writer.write(index, condition, drawn, group=f"g{number % 8}")
    manifest = {"method": method, "variant": "", "dataset": dataset, "seed": seed, "use": "evaluation"}
    writer.seal(len(masks), manifest)
    return SyntheticSet(folder)


def pools(folder: Path, methods: Sequence[str] = METHODS, **about: Any) -> list[Pool]:
    """Return sets of the same masks, one per method."""
    return [Pool(method, sealed(folder / method, method, **about)) for method in methods]


def real_images(n: int = 20, side: int = SIDE, labels: Sequence[str] = ("",)) -> list[RealImage]:
    """Return real images of random colours, of ten slides."""
    rng = np.random.default_rng(99)
    return [
        RealImage(f"tile-{i}", f"s{i % 10}", labels[i % len(labels)], rng.integers(0, 256, (side, side, 3), np.uint8))
        for i in range(n)
    ]


def study(
    folder: Path, *, amounts: Amounts = AMOUNTS, readers: int = 2, seed: str = "known to the owner", **about: Any
) -> Built:
    """Build a study of two methods."""
    return build_study(
        pools(folder / "sets", **about),
        real_images(),
        folder / "study",
        amounts=amounts,
        readers=readers,
        split="test",
        seed=seed,
    )


def answer_file(key: Key, number: int, chooses: Chooses, *, stop: int | None = None) -> dict[str, Any]:
    """Return the file of a reader's page whose questions are answered by a function, all or the first `stop`."""
    reader = key.readers[number]
    questions, images = by_name(key.questions), {image.name: image for image in key.images}
    last, at = chain_start(key, reader), int(datetime.now(UTC).timestamp() * 1000)
    answers = []
    for trial in reader.trials[:stop]:
        question = questions[trial.question]
        choice = chooses(question, [images[name] for name in question.images])
        if question.task == "preference":
            shown = {images[reader.images[option]].method: option for option in trial.options}
            choice = shown[choice]
        at += 1500
        answer = FiledAnswer(trial=trial.name, choice=choice, ms=1000 + len(answers), at=at, link="0" * 64)
        last = link(reader.token, last, len(answers) + 1, answer)
        answers.append(answer.model_copy(update={"link": last}).model_dump())
    complete = len(answers) == len(reader.trials)
    return {
        "format": "augbench reader study answers",
        "version": 1,
        "study": key.study,
        "reader": reader.reader,
        "items": reader.items,
        "complete": complete,
        "answers": answers,
        "seal": seal(reader.token, last, len(answers), complete),
    }


def write(path: Path, file: dict[str, Any]) -> Path:
    """Write a file of answers."""
    path.write_text(json.dumps(file), encoding="utf-8")
    return path


def right(question: KeyQuestion, images: Sequence[KeyImage]) -> str:
    """Answer as a reader who recognises everything and prefers the first method of the alphabet."""
    return images[0].origin if question.task == "turing" else min(image.method for image in images)
