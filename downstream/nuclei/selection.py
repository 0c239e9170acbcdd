"""Selection of the checkpoint by the Dice of nucleus pixels on held-out tiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from bench.contract import Dataset, RunContext
from downstream.nuclei.family import Family
from downstream.nuclei.maps import predicted_maps


class Selection:
    """Evaluates the held-out tiles after some of the steps and keeps the best weights.

    The score is the Dice of the nucleus pixels of all tiles together, as in HoVer-Net's release. If scores are equal,
    the earlier weights are kept.

    Args:
        family: the kind of network.
        held: held-out tiles; pixels to ignore are not counted.
        after: numbers of steps after which to evaluate.
        keep: whether to keep the best weights, or only record the curve.
        run: receives the curve `hold-out/dice`.
    """

    def __init__(self, family: Family, held: Dataset, after: frozenset[int], keep: bool, run: RunContext) -> None:
        from bench.training.fabric import Fabric

        self._family, self.held, self._after, self._keep, self._run = family, held, after, keep, run
        self._fabric = Fabric(accelerator=run.device, devices=1, precision=run.precision)  # type: ignore[arg-type]
        self.step, self.dice = 0, -1.0
        self.weights: dict[str, torch.Tensor] = {}

    def after_step(self, done: int, modules: Mapping[str, nn.Module]) -> None:
        """Evaluate the held-out tiles if it is due after this step."""
        if done not in self._after:
            return
        dice = self.score(modules["model"])
        self._run.curve("hold-out/dice", done, dice)
        if self._keep and dice <= self.dice:
            return
        if self._keep:
            state = modules["model"].state_dict()
            self.weights = {name: value.detach().cpu().clone() for name, value in state.items()}
        self.step, self.dice = done, dice

    def state_dict(self) -> Mapping[str, Any]:
        """Return the state of the best evaluation so far (of the latest one if no weights are kept)."""
        return {"step": self.step, "dice": self.dice, "weights": self.weights}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a saved state."""
        self.step, self.dice, self.weights = state["step"], state["dice"], dict(state["weights"])

    def score(self, model: nn.Module) -> float:
        """Return the Dice of the nucleus pixels; 1 if there are none and none are predicted."""
        training = model.training
        model.eval()
        decoder = self._family.decoder
        shared = total = 0
        for index in range(len(self.held)):
            sample = self.held[index]
            assert sample.instances is not None
            with self._fabric.autocast():
                stitched = predicted_maps(sample.image, model, self._family, self._fabric.device)
            counted = ~sample.ignore if sample.ignore is not None else True
            true, found = (sample.instances > 0) & counted, decoder.foreground(stitched) & counted
            shared += int((true & found).sum())
            total += int(true.sum()) + int(found.sum())
        model.train(training)
        return 2 * shared / total if total else 1.0
