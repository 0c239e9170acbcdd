"""A method that reads captions, and masks of another dataset if the run has them; it only writes down what it reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from bench import registry
from bench.contract import Condition, Dataset, MethodBase, Part, RunContext, Settings

ALL = frozenset({"train", "text", "mask"})


class Reader(MethodBase):
    """Its part `reading` holds the ids of the samples of each role."""

    Config: ClassVar[type[Settings]] = Settings
    roles = frozenset({"train", "text"})
    optional_roles = frozenset({"mask"})
    conditions = frozenset({"text"})
    ratio = 1.0

    def __init__(self, config: Settings) -> None:
        self.config = config

    def parts(self) -> Sequence[Part]:
        return [Part("reading", ALL, (), self.config)]

    def fit(
        self, part: Part, data: Mapping[str, Dataset], fitted: Mapping[str, Path], out: Path, run: RunContext
    ) -> None:
        (out / "ids.json").write_text(json.dumps({role: list(dataset.ids) for role, dataset in data.items()}))

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        for index in range(n):
            source = data["text"].records[index % len(data["text"])]
            yield Condition(
                id=f"c{index}", kind="caption", seed=index, caption=source.caption, sources={"text": source.id}
            )

    def render(
        self, conditions: Sequence[Condition], data: Mapping[str, Dataset], fitted: Mapping[str, Path], run: RunContext
    ) -> Iterator[np.ndarray]:
        for _ in conditions:
            yield np.full((8, 8, 3), len(data), np.uint8)


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the method as `reader`, among ours."""
    ours = registry._points
    point = EntryPoint("reader", f"{__name__}:Reader", "bench.methods")
    monkeypatch.setattr(
        registry, "_points", lambda group: {**ours(group), **({"reader": point} if group == "methods" else {})}
    )
