"""Stage *fit*: trains the parts that methods need; equal parts are trained once and shared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from bench.contract import Dataset, Part, Trainer
from bench.engine.context import Run
from bench.engine.launch import run_ranks
from bench.engine.session import Session
from bench.engine.step import Finished, Step, in_order
from bench.plan.arms import Arm
from bench.plugin_version import version_of

GENERATOR_SEED = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit(Step):
    """Train one part; its key contains no method name, so methods that list an equal part share it."""

    stage: ClassVar[str] = "fit"

    method: Trainer
    part: Part
    data: Mapping[str, Dataset]
    needed: Mapping[str, Finished]

    def __post_init__(self) -> None:
        """Give the data a fixed order."""
        object.__setattr__(self, "data", in_order(self.data))

    @property
    def config(self) -> dict[str, Any]:
        """Name and settings of the part."""
        return {"part": self.part.name, **self.part.config.model_dump(mode="json")}

    @property
    def inputs(self) -> dict[str, str]:
        """Digests of the data that the part reads, and keys of the parts that it builds on."""
        inputs = {f"data:{role}": data.digest for role, data in sorted(self.data.items())}
        return inputs | {f"part:{name}": finished.key for name, finished in self.needed.items()}

    @property
    def versions(self) -> dict[str, int]:
        """Version of the class whose `fit` trains the part."""
        return {"method": version_of(self.method, "fit")}

    def run(self, folder: Path, context: Run) -> None:
        """Train the part into the folder, in several processes if its place has several devices."""
        if self.place.devices > 1 and context.ranks is None:
            run_ranks(self, folder, context)
            return
        needed = {name: finished.path for name, finished in self.needed.items()}
        self.method.fit(self.part, self.data, needed, folder, context)


async def fit_parts(
    session: Session, arm: Arm, data: Mapping[str, Dataset], seed: int = GENERATOR_SEED
) -> dict[str, Finished]:
    """Train the parts that a method needs under a seed, in the order in which it lists them; return them by name.

    A part that reads no data, such as a released file, is the same under every seed, unless it builds on one that does.
    """
    fitted: dict[str, Finished] = {}
    trained: set[str] = set()
    for part in arm.method.parts():
        needed = {name: fitted[name] for name in part.needs}
        reads = part.reads - (arm.method.optional_roles - data.keys())
        if reads or trained.intersection(part.needs):
            trained.add(part.name)
        own = seed if part.name in trained else GENERATOR_SEED
        roles = {role: data[role] for role in reads}
        fitted[part.name] = await fit_part(session, part, arm.method, roles, needed, own)
    return fitted


async def fit_part(
    session: Session,
    part: Part,
    trainer: Trainer,
    data: Mapping[str, Dataset],
    needed: Mapping[str, Finished],
    seed: int = GENERATOR_SEED,
) -> Finished:
    """Train one part on the `data` that it reads, with the parts `needed` that it builds on."""
    step = Fit(
        place=session.torch._replace(devices=session.device.number if part.divides else 1),
        seed=seed,
        title=part.name if seed == GENERATOR_SEED else f"{part.name}, seed {seed}",
        method=trainer,
        part=part,
        data=data,
        needed=needed,
    )
    return await session.do(step)
