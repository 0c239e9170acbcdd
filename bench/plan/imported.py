"""Arms whose set already exists: imported sets, and sealed sets that are named by their folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from jaxtyping import UInt8
from pydantic import Field

from bench.config.validate import build
from bench.contract import Condition, MethodBase, RunContext, Settings
from bench.errors import JobError
from bench.plan.arms import Arm
from bench.registry import names
from bench.synthetic import EVALUATION, SyntheticSet
from bench.track import Track


class ImportedConfig(Settings):
    """Settings of an imported set; `ratio` is synthetic : real of the training mix."""

    ratio: float = Field(default=1.0, gt=0)


class Imported(MethodBase):
    """The method of an arm whose set was made elsewhere: nothing is trained, planned or drawn."""

    Config: ClassVar[type[ImportedConfig]] = ImportedConfig
    config: ImportedConfig

    def __init__(self, config: ImportedConfig) -> None:
        self.config = config
        self.ratio = config.ratio

    def plan(self, data: object, n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Refuse: the set exists already."""
        raise JobError("An imported set plans no images", got=f"{n} patches")

    def render(
        self, conditions: Sequence[Condition], data: object, fitted: object, run: RunContext
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Refuse: the set exists already."""
        raise JobError("An imported set draws no images", got=f"{len(conditions)} patches")


def imported_arm(made: SyntheticSet, overrides: Mapping[str, Any], text: str) -> Arm:
    """Return the arm of a set that already exists.

    It is named after what made the set. If that was a registered method, the name is `diffmix-set`, say, and the
    variant is the set's digest, because this run does not know the settings that the set was made with.
    """
    name = str(made.manifest["method"])
    config = build(ImportedConfig, overrides, f"the set {made.folder}")
    if name in names("methods"):
        name, text = f"{name}-set", " ".join(filter(None, [text, f"set={made.digest[:8]}"]))
    return Arm(name, text, Imported(config), made)


def untrainable(made: SyntheticSet, track: Track) -> str:
    """Return why no network can be trained on a set; empty if one can."""
    if made.use == EVALUATION:
        return "not trained on: these images show test masks"
    instances = all(record.instances for record in made.metadata)
    return track.untrainable(instances=instances, label=all(record.label is not None for record in made.metadata))
