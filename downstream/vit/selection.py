"""Selection of a checkpoint by its accuracy on the hold-out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from bench.contract import RunContext
from downstream.images import LabelledImages, to_square

BATCH = 64


class Selection:
    """Evaluates the hold-out after some of the steps and keeps the best weights.

    Args:
        held: held-out images.
        size: side of the network's input.
        after: numbers of steps after which to evaluate.
        keep: whether to keep the best weights, or only record the curves.
        run: receives the curves `hold-out/accuracy` and `hold-out/cross-entropy`.
    """

    def __init__(self, held: LabelledImages, size: int, after: frozenset[int], keep: bool, run: RunContext) -> None:
        from bench.training.fabric import Fabric

        self._held, self._size, self._after, self._keep, self._run = held, size, after, keep, run
        self._fabric = Fabric(accelerator=run.device, devices=1, precision=run.precision)  # type: ignore[arg-type]
        self.step, self.accuracy, self.loss = 0, -1.0, float("inf")
        self.weights: dict[str, torch.Tensor] = {}

    def after_step(self, done: int, modules: Mapping[str, nn.Module]) -> None:
        """Evaluate the hold-out if it is due after this step."""
        if done not in self._after:
            return
        model = modules["model"]
        accuracy, loss = self._score(model)
        self._run.curve("hold-out/accuracy", done, accuracy)
        self._run.curve("hold-out/cross-entropy", done, loss)
        if self._keep and (accuracy, -loss) > (self.accuracy, -self.loss):
            self.weights = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
        elif self._keep:
            return
        self.step, self.accuracy, self.loss = done, accuracy, loss

    def state_dict(self) -> Mapping[str, Any]:
        """Return the state of the best evaluation so far (of the latest one if no weights are kept)."""
        return {"step": self.step, "accuracy": self.accuracy, "loss": self.loss, "weights": self.weights}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a saved state."""
        self.step, self.accuracy, self.loss = state["step"], state["accuracy"], state["loss"]
        self.weights = dict(state["weights"])

    def _score(self, model: nn.Module) -> tuple[float, float]:
        """Return the accuracy and the mean cross-entropy of the whole hold-out."""
        training = model.training
        model.eval()
        logits = []
        with torch.no_grad(), self._fabric.autocast():
            for first in range(0, len(self._held), BATCH):
                places = range(first, min(first + BATCH, len(self._held)))
                batch = np.stack([to_square(self._held[place], self._size) for place in places])
                logits.append(model(torch.from_numpy(batch).to(self._fabric.device)).float().cpu())
        model.train(training)
        scores, labels = torch.cat(logits), torch.from_numpy(self._held.labels)
        accuracy = (scores.argmax(1) == labels).double().mean()
        return float(accuracy), float(functional.cross_entropy(scores, labels))
