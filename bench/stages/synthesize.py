"""Stages *synthesize* and *render-masks*: a method's patches, planned, rendered in chunks and sealed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from bench.config import Preset
from bench.contract import Condition, Dataset
from bench.engine.context import Run
from bench.engine.session import Session
from bench.engine.step import Finished, Step, in_order
from bench.errors import JobError
from bench.plan.arms import Arm
from bench.plan.ratios import sizes
from bench.plan.roles import roles_read
from bench.plugin_version import version_of
from bench.stages.render import Rendering, render_set
from bench.synthetic import TRAINING, SyntheticSet
from bench.track import track_of


class Made(NamedTuple):
    """A set and the step that made it."""

    finished: Finished
    set: SyntheticSet


@dataclass(frozen=True, kw_only=True, eq=False)
class Render(Step):
    """Base of the steps in which a method draws: the arm, the data that it reads and its trained parts."""

    version: ClassVar[int] = 1

    arm: Arm
    data: Mapping[str, Dataset]
    fitted: Mapping[str, Finished]

    def __post_init__(self) -> None:
        """Give the data a fixed order."""
        object.__setattr__(self, "data", in_order(self.data))

    @property
    def config(self) -> dict[str, Any]:
        """The method, its settings and its chunk size, since batches of another size differ in the last bits."""
        return {"method": self.arm.name, "config": self.arm.settings, "chunk": self.arm.method.chunk}

    @property
    def inputs(self) -> dict[str, str]:
        """Digests of the data and keys of the parts."""
        inputs = {f"data:{role}": data.digest for role, data in sorted(self.data.items())}
        return inputs | {f"part:{name}": finished.key for name, finished in self.fitted.items()}

    @property
    def versions(self) -> dict[str, int]:
        """Version of the method."""
        return {"method": version_of(self.arm.method)}

    def draw(
        self,
        conditions: Sequence[Condition],
        folder: Path,
        context: Run,
        use: str,
        groups: Mapping[str, str] | None = None,
    ) -> None:
        """Render conditions into a sealed set; `groups` are those of conditions without a source, by id."""
        render_set(Rendering(self.arm, self.data, self.fitted), conditions, folder, context, use=use, groups=groups)


@dataclass(frozen=True, kw_only=True, eq=False)
class Synthesize(Render):
    """Plan, render and seal `n` images; the key does not depend on how an arm chooses from them.

    With `labels`, conditions of other classes are not drawn, and further conditions are planned instead.
    """

    stage: ClassVar[str] = "synthesize"

    n: int
    labels: Sequence[int] | None = None

    @property
    def config(self) -> dict[str, Any]:
        """The method's settings, the number of images and their classes."""
        config = {**super().config, "n": self.n}
        return config if self.labels is None else config | {"labels": list(self.labels)}

    def run(self, folder: Path, context: Run) -> None:
        """Plan the conditions and draw the images."""
        conditions = list(itertools.islice(self._planned(context), self.n))
        if len(conditions) != self.n:
            raise JobError(f"{self.arm.name} planned too few patches", got=f"{len(conditions)} of {self.n}")
        self.draw(conditions, folder, context, TRAINING)

    def _planned(self, context: Run) -> Iterator[Condition]:
        labels = self.labels
        more = 1 if labels is None else len(self.data["train"].info.labels)
        planned = self.arm.method.plan(self.data, more * self.n, context.rng("plan"))
        return (condition for condition in planned if labels is None or condition.label in labels)


def set_size(arm: Arm, train: Dataset, preset: Preset) -> int:
    """Return the number of patches that an arm's method draws: its ratio times the real patches, up to a limit."""
    return sizes([arm.method.ratio], real_patches(train, preset), preset.max_samples)[0]


def real_patches(train: Dataset, preset: Preset) -> int:
    """Return the number of real patches that ratios refer to."""
    return len(train) * track_of(train.info).patches(preset.patches_per_tile)


async def synthesize(
    session: Session,
    arm: Arm,
    data: Mapping[str, Dataset],
    fitted: Mapping[str, Finished],
    n: int,
    seed: int,
    title: str,
    labels: Sequence[int] | None = None,
) -> Made:
    """Plan, render and seal `n` images under a seed, and return the set."""
    step = Synthesize(
        place=session.torch if fitted else session.numeric,
        seed=seed,
        title=f"{arm.title}, {n} patches, {title}",
        arm=arm,
        data={role: data[role] for role in roles_read(arm.method, data)},
        fitted=fitted,
        n=n,
        labels=labels,
    )
    finished = await session.do(step)
    return Made(finished, SyntheticSet(finished.path))
