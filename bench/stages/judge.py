"""Stage *judge*: what the network that was trained on real data only predicts for images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float32

from bench.engine.context import Run
from bench.engine.session import Session
from bench.engine.step import Finished, Step
from bench.errors import JobError
from bench.plan.arms import Network
from bench.plugin_version import version_of
from bench.stages.predict import Pictures

FEATURES, SCORES = "features.npy", "scores.npy"


class Judge(NamedTuple):
    """The network that a run trained on real data only, under its first seed; it judges the images of arms."""

    network: Network
    model: Finished


@dataclass(frozen=True, kw_only=True, eq=False)
class See(Step):
    """Compute the judge's features and class probabilities of images."""

    stage: ClassVar[str] = "judge"

    judge: Judge
    pictures: Pictures

    @property
    def config(self) -> dict[str, Any]:
        """The network and its settings."""
        return {"network": self.judge.network.name, "config": self.judge.network.config}

    @property
    def inputs(self) -> dict[str, str]:
        """Key of the trained network, and digest of the images."""
        return {"model": self.judge.model.key, **self.pictures.inputs}

    @property
    def versions(self) -> dict[str, int]:
        """Version of the network."""
        return {"network": version_of(self.judge.network.plugin)}

    def run(self, folder: Path, context: Run) -> None:
        """Write one row of features and of probabilities per image."""
        plugin, path = self.judge.network.plugin, self.judge.model.path
        np.save(folder / FEATURES, plugin.features(self.pictures.read(context.threads), path, context))
        predictions = plugin.predict(self.pictures.read(context.threads), path, context)
        scores = [prediction.scores for prediction in predictions]
        if any(score is None for score in scores):
            raise JobError(
                f"The network {self.judge.network.name} returns no class probabilities, by which images are chosen",
                fix="put a classifier first in --downstream",
            )
        np.save(folder / SCORES, np.stack([score for score in scores if score is not None]))


class Seen(NamedTuple):
    """A judge's features and class probabilities of images, one row per image."""

    finished: Finished
    features: Float32[np.ndarray, "n d"]
    scores: Float32[np.ndarray, "n c"]


async def see(session: Session, judge: Judge, pictures: Pictures, title: str) -> Seen:
    """Return the judge's features and class probabilities of images."""
    step = See(place=session.torch, title=f"{judge.network.name} on {title}", judge=judge, pictures=pictures)
    finished = await session.do(step)
    return Seen(finished, np.load(finished.path / FEATURES), np.load(finished.path / SCORES))
