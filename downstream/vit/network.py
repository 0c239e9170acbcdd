"""The network as the harness uses it; code that needs torch imports it when it is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from jaxtyping import Float32, UInt8

from bench.contract import Budget, Downstream, Prediction, RunContext, Task, TrainingMix, Weights
from bench.errors import MissingError
from downstream.vit.config import ViTConfig, ViTPretrainedConfig
from downstream.vit.pretrained import find, pretrained_weights
from downstream.vit.schedule import steps_of


class ViT(Downstream):
    """A vision transformer (Dosovitskiy et al., ICLR 2021) on an arm of real and synthetic tissue images."""

    Config: ClassVar[type[ViTConfig]] = ViTConfig
    task: ClassVar[Task] = "tissue"
    row: ClassVar[str] = "vit"
    config: ViTConfig

    def __init__(self, config: ViTConfig) -> None:
        self.config = config

    def weights(self) -> Sequence[Weights]:
        """Return the file that training starts from; nothing if it starts from random weights."""
        path = self.config.pretrained
        return () if path is None else (pretrained_weights(self.row, self.config.network, path, None),)

    def steps(self, train: TrainingMix, budget: Budget) -> int:
        """Return the optimiser steps of :meth:`fit`; its hold-out counts with its share, whichever groups it takes."""
        from downstream.images import images_per_epoch

        real = round(len(train.real) * (1 - self.config.holdout))
        fraction = 0.0 if budget.unit == "real-epochs" else train.fraction
        synthetic = 0 if train.synthetic is None else len(train.synthetic)
        return steps_of(budget, images_per_epoch(real, fraction, synthetic), self.config.batch)

    def fit(self, train: TrainingMix, budget: Budget, out: Path, run: RunContext) -> None:
        """Train and write `weights.safetensors` and `config.json`, all that :meth:`predict` needs, to `out`.

        Raises:
            DataError: images lack classes, the synthetic set has other classes, or no image can be held out.
            MissingError: the weights to start from are absent.
        """
        for needed in self.weights():
            if not needed.found:
                raise MissingError(f"Cannot find {needed.name}", got=needed.reason, fix=f"set {needed.setting}")
        from downstream.vit.fit import fit

        fit(self.config, train, budget, out, run)

    def predict(
        self, images: Iterable[UInt8[np.ndarray, "h w 3"]], checkpoint: Path, run: RunContext
    ) -> Iterator[Prediction]:
        """Yield the class probabilities of images of any size, in order."""
        from downstream.vit.predict import predict

        return predict(images, checkpoint, run)

    def features(
        self, images: Iterable[UInt8[np.ndarray, "h w 3"]], checkpoint: Path, run: RunContext
    ) -> Float32[np.ndarray, "n d"]:
        """Return the class token after the last norm, before the head (HistoDiffusion's selection reads it)."""
        from downstream.vit.predict import features

        return features(images, checkpoint, run)


class ViTPretrained(ViT):
    """The same network, starting from ImageNet weights; its results are separate rows."""

    Config: ClassVar[type[ViTConfig]] = ViTPretrainedConfig
    row: ClassVar[str] = "vit-pretrained"

    def __init__(self, config: ViTConfig, weights: Path | None = None) -> None:
        """Look for the weights in the folder `weights` if the settings do not name a file."""
        found = config.pretrained or find(config.network, weights)
        super().__init__(config.model_copy(update={"pretrained": found}))
        self._weights = weights

    def with_weights(self, folder: Path | None) -> Self:
        """Return the network with weights from a folder, unless its settings name a file."""
        return type(self)(self.config, folder)

    def weights(self) -> Sequence[Weights]:
        """Return the file that training starts from; not found if none is named and the folder has none."""
        return (pretrained_weights(self.row, self.config.network, self.config.pretrained, self._weights),)
