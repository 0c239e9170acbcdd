"""A nucleus network as the harness uses it; code that needs torch imports it when it is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import Float32, UInt8

from bench.contract import Budget, Downstream, Prediction, RunContext, Task, TrainingMix, Weights
from downstream.nuclei.settings import NucleusSettings

if TYPE_CHECKING:
    from downstream.nuclei.family import Family


class NucleusNetwork(Downstream):
    """Base of the networks that segment and classify nuclei: a subclass names its settings and its family."""

    Config: ClassVar[type[NucleusSettings]]
    task: ClassVar[Task] = "nuclei"
    family: ClassVar[str]
    """Its :class:`downstream.nuclei.family.Family` as `module:class`, imported when it is used."""
    title: ClassVar[str]
    """Its name in messages."""
    source: ClassVar[str] = "a finished training of the same network: `weights.safetensors` in its folder of the store"
    """Where `pretrained` weights can be found."""
    config: NucleusSettings

    def __init__(self, config: NucleusSettings) -> None:
        self.config = config

    def weights(self) -> Sequence[Weights]:
        """Return the files that the settings name: weights that training starts from, or a released network."""
        files = {
            "pretrained": (f"the weights that {self.title} starts from", self.source),
            "encoder_weights": (f"the weights that the encoder of {self.title} starts from", "its release"),
            "released": (f"the released weights of {self.title}", "its release"),
        }
        given = {key: getattr(self.config, key, None) for key in files}
        return tuple(_file(key, path, *files[key]) for key, path in given.items() if path is not None)

    @property
    def released(self) -> bool:
        """Whether the settings name a released network."""
        return self.config.released is not None

    @property
    def starts_from(self) -> str:
        """What training starts from, or "released" if there is none."""
        return "released" if self.released else super().starts_from

    def check_classes(self, nuclei: Sequence[str], labels: Sequence[str]) -> None:
        """Check that a released network has the classes of the dataset.

        Raises:
            BenchError: their number or order differs, or the file is not the network's.
        """
        if self.config.released is not None and self.config.released.is_file():
            from downstream.nuclei.family import Subject
            from downstream.nuclei.released import read_released

            read_released(self._kind()(self.config, Subject(tuple(nuclei), (), 0.25), {}))

    def steps(self, train: TrainingMix, budget: Budget) -> int:
        """Return the optimiser steps of :meth:`fit`; its hold-out counts with its share, whichever groups it takes."""
        if self.released:
            return 0
        if budget.unit == "steps":
            return budget.amount
        from downstream.nuclei.fit import planned_steps

        return planned_steps(self._kind(), self.config, train, budget)

    def fit(self, train: TrainingMix, budget: Budget, out: Path, run: RunContext) -> None:
        """Train and write `weights.safetensors` and `config.json`, all that :meth:`predict` needs, to `out`.

        A released network is written to `out` as it is.

        Raises:
            DataError: the real and synthetic sets do not fit the network or each other, no tiles can be held out, or
                a file of weights does not fit.
        """
        if self.config.released is not None:
            from downstream.nuclei.released import adopt

            adopt(self._kind(), self.config, train, out)
            return
        from downstream.nuclei.fit import fit

        fit(self._kind(), self.config, train, budget, out, run)

    def predict(
        self, images: Iterable[UInt8[np.ndarray, "h w 3"]], checkpoint: Path, run: RunContext
    ) -> Iterator[Prediction]:
        """Yield predictions for images of any size, in order, with the settings of the training."""
        from downstream.nuclei.predict import load, predict

        yield from predict(load(self._kind(), self.Config, checkpoint, run), images, run)

    def features(
        self, images: Iterable[UInt8[np.ndarray, "h w 3"]], checkpoint: Path, run: RunContext
    ) -> Float32[np.ndarray, "n d"]:
        """Return one vector per image: the mean of the last layer that the branches share."""
        from downstream.nuclei.predict import features, load

        return features(load(self._kind(), self.Config, checkpoint, run), images)

    def _kind(self) -> type[Family]:
        module, _, name = self.family.partition(":")
        kind: type[Family] = getattr(import_module(module), name)
        return kind


def _file(key: str, path: Path, name: str, source: str) -> Weights:
    found = path.is_file()
    return Weights(
        name=name,
        setting=f"downstream.{key} to the file",
        source=source,
        size="one file",
        path=path if found else None,
        reason="" if found else f"no file {path}",
    )
