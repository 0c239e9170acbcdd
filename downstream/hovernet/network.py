"""The network as the harness uses it; code that needs torch imports it when it is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float32, UInt8

from bench.contract import Budget, Downstream, Prediction, RunContext, Task, TrainingMix, Weights
from downstream.hovernet.config import HoVerNetConfig


class HoVerNet(Downstream):
    """HoVer-Net (Graham et al., MedIA 58:101563, 2019) on an arm of real and synthetic patches."""

    Config: ClassVar[type[HoVerNetConfig]] = HoVerNetConfig
    task: ClassVar[Task] = "nuclei"
    config: HoVerNetConfig

    def __init__(self, config: HoVerNetConfig) -> None:
        self.config = config

    def weights(self) -> Sequence[Weights]:
        """Return the file of weights that all layers start from; nothing where the settings name none."""
        path = self.config.pretrained
        if path is None:
            return ()
        needed = Weights(
            name="the weights that HoVer-Net starts from",
            setting="downstream.hovernet.pretrained to the file",
            source="a finished training of the same network: `weights.safetensors` in its folder of the store",
            size="one file",
            path=path if path.is_file() else None,
            reason="" if path.is_file() else f"no file {path}",
        )
        return (needed,)

    def fit(self, train: TrainingMix, budget: Budget, out: Path, run: RunContext) -> None:
        """Train and write `weights.safetensors` and `config.json`, all that :meth:`predict` needs, to `out`.

        Raises:
            DataError: the real and synthetic sets do not fit the network or each other.
        """
        from downstream.hovernet.fit import fit

        fit(self.config, train, budget, out, run)

    def predict(
        self, images: Iterable[UInt8[np.ndarray, "h w 3"]], checkpoint: Path, run: RunContext
    ) -> Iterator[Prediction]:
        """Yield predictions for images of any size, in order, with the settings of the training."""
        from downstream.hovernet.predict import predict

        return predict(images, checkpoint, run)

    def features(
        self, images: Iterable[UInt8[np.ndarray, "h w 3"]], checkpoint: Path, run: RunContext
    ) -> Float32[np.ndarray, "n d"]:
        """Return one vector per image: the mean of the last layer that the three branches share."""
        from downstream.hovernet.predict import features

        return features(images, checkpoint, run)
