"""Stage *train*: trains a downstream network on an arm's real and synthetic images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from bench.config import BudgetSettings, Preset
from bench.contract import Budget, Dataset, TrainingMix
from bench.engine.context import Run
from bench.engine.session import Session
from bench.engine.step import Finished, Step
from bench.plan.arms import Arm, Network
from bench.plugin_version import version_of
from bench.synthetic import SyntheticSet


@dataclass(frozen=True, kw_only=True, eq=False)
class Train(Step):
    """Train a network on a mix of real and synthetic images for the declared budget."""

    stage: ClassVar[str] = "train"

    network: Network
    mix: TrainingMix
    budget: BudgetSettings

    @property
    def config(self) -> dict[str, Any]:
        """The network and its settings, the share of synthetic images and the budget."""
        return {
            "network": self.network.name,
            "config": self.network.config,
            "fraction": self.mix.fraction,
            "budget": self.budget.model_dump(),
        }

    @property
    def inputs(self) -> dict[str, str]:
        """Digests of the real and the synthetic images, and of those for validation if there are any."""
        mix = self.mix
        sets = {"real": mix.real, "synthetic": mix.synthetic, "validation": mix.validation}
        return {role: data.digest for role, data in sets.items() if data is not None}

    @property
    def versions(self) -> dict[str, int]:
        """Version of the network."""
        return {"network": version_of(self.network.plugin)}

    def run(self, folder: Path, context: Run) -> None:
        """Train the network into the folder."""
        self.network.plugin.fit(self.mix, Budget(self.budget.unit, self.budget.amount), folder, context)


async def train_network(
    session: Session,
    network: Network,
    arm: Arm,
    train: Dataset,
    synthetic: SyntheticSet | None,
    preset: Preset,
    seed: int,
    title: str,
    validation: Dataset | None = None,
) -> Finished:
    """Train a network on one arm's mix and return the finished step."""
    ratio = arm.ratio if synthetic is not None else 0.0
    step = Train(
        place=session.torch,
        seed=seed,
        title=title,
        network=network,
        mix=TrainingMix(train, synthetic, ratio / (1 + ratio), validation),
        budget=preset.budget,
    )
    return await session.do(step)
