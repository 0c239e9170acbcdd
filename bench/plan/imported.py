"""Arms whose set is there already: imported ones, and sealed ones named by their folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import UInt8
from pydantic import BaseModel, Field

from bench.config.validate import build
from bench.contract import Condition, Part, RunContext, Settings
from bench.errors import JobError
from bench.plan.arms import Arm
from bench.registry import names
from bench.synthetic import EVALUATION, SyntheticSet
from bench.track import Track


class ReadyConfig(Settings):
    """`ratio` is synthetic : real of the training mix."""

    ratio: float = Field(default=1.0, gt=0)


class Ready:
    """The method of an arm whose set was made elsewhere: nothing is trained, planned or drawn."""

    Config: ClassVar[type[BaseModel]] = ReadyConfig
    conditions: ClassVar[frozenset[str]] = frozenset()
    roles: ClassVar[frozenset[str]] = frozenset({"train"})

    def __init__(self, config: ReadyConfig) -> None:
        self.config: BaseModel = config
        self.ratio = config.ratio

    def parts(self) -> Sequence[Part]:
        """Nothing is trained."""
        return ()

    def fit(self, part: Part, data: object, fitted: object, out: Path, run: RunContext) -> None:
        """Nothing is trained."""
        raise JobError("expected a set that is there already to train nothing", got=part.name)

    def plan(self, data: object, n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Nothing is planned."""
        raise JobError("expected a set that is there already to plan nothing", got=f"{n} patches")

    def render(
        self, conditions: Sequence[Condition], data: object, fitted: object, run: RunContext
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Nothing is drawn."""
        raise JobError("expected a set that is there already to draw nothing", got=f"{len(conditions)} patches")


def ready_arm(made: SyntheticSet, overrides: Mapping[str, Any], text: str) -> Arm:
    """Return the arm of a set that is there already.

    It is named after what made the set; `diffmix-set` if that was one of the registered methods, with the set's
    digest as its variant, for it was made under settings that this run does not know.
    """
    name = str(made.manifest["method"])
    config = build(ReadyConfig, overrides, f"the set {made.folder}")
    if name in names("methods"):
        name, text = f"{name}-set", " ".join(filter(None, [text, f"set={made.digest[:8]}"]))
    return Arm(name, text, Ready(config), made)


def untrainable(made: SyntheticSet, track: Track) -> str:
    """Say why no network can be trained on a set; empty where one can."""
    if made.use == EVALUATION:
        return "not trained on: these images show test masks"
    instances = all(record.instances for record in made.metadata)
    return track.untrainable(instances=instances, label=all(record.label is not None for record in made.metadata))
