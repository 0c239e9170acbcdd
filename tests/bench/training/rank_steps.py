"""Steps that several processes do together; each finds them by the module's name."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from bench.engine.context import Run
from bench.engine.launch import run_ranks
from bench.engine.step import Step
from bench.errors import ConfigError
from bench.training import LossTask, TrainingOptions, randn, save_weights, seeded, train

STEPS = 6


@dataclass(frozen=True, kw_only=True, eq=False)
class Training(Step):
    """Trains a small network; the process of rank `bad` ends in step 4 as `ending` says, once."""

    stage: ClassVar[str] = "fit"

    ending: str = ""
    bad: int = 1
    batch: int = 8
    normalised: bool = False

    @property
    def config(self) -> Any:
        return {"ending": self.ending}

    @property
    def inputs(self) -> Mapping[str, str]:
        return {}

    def run(self, folder: Path, context: Run) -> None:
        if self.place.devices > 1 and context.ranks is None:
            run_ranks(self, folder, context)
            return
        with seeded(0):
            norm = nn.BatchNorm2d(8) if self.normalised else nn.GroupNorm(2, 8)
            net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), norm, nn.ReLU(), nn.Conv2d(8, 3, 1))
        before = None if context.ranks is None or context.ranks.rank != self.bad else self._ends
        task = LossTask(net, torch.optim.AdamW(net.parameters(), 1e-2), _loss, before_step=before, clip=0.5)
        options = TrainingOptions(STEPS, "toy", ema=0.9, checkpoint_every=2)
        save_weights(folder / "weights.safetensors", train(task, self._make, options, folder, context)["model"])

    def _make(self, step: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {"x": rng.normal(size=(self.batch, 3, 8, 8)).astype(np.float32), "y": rng.integers(9, size=self.batch)}

    def _ends(self, step: int) -> None:
        if step == 4 and self.ending == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if step == 4 and self.ending == "error":
            raise ConfigError("The rank fails", got="step 4")


def _loss(net: nn.Module, batch: Mapping[str, torch.Tensor], generator: torch.Generator) -> dict[str, torch.Tensor]:
    noise = randn(tuple(batch["x"].shape), generator)
    error = (net(batch["x"] + 0.1 * noise) - batch["x"]).square().mean(dim=(1, 2, 3))
    return {"loss": (error * batch["y"]).mean(), "error": error.mean()}


class Waiting(Training):
    """Writes its process id next to the folder and waits."""

    def run(self, folder: Path, context: Run) -> None:
        if context.ranks is None:
            run_ranks(self, folder, context)
            return
        (context.ranks.folder / f"pid-{context.ranks.rank}").write_text(str(os.getpid()))
        time.sleep(300)
