"""Stage *predict*: the predictions of a trained network for images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from jaxtyping import UInt8

from bench.contract import Dataset, Prediction
from bench.engine.context import Run
from bench.engine.session import Session
from bench.engine.step import Finished, Step
from bench.errors import within_memory
from bench.formats.npy import read_npz
from bench.formats.parallel import ordered_map
from bench.plan.arms import Network
from bench.plugin_version import version_of
from bench.synthetic import SyntheticSet


class Pictures(Protocol):
    """Images to predict, in order; picklable."""

    @property
    def inputs(self) -> Mapping[str, str]:
        """Digests that name the images in a key."""
        ...

    def __len__(self) -> int: ...

    def read(self, threads: int) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Yield the images, decoded by at most `threads` threads."""
        ...


@dataclass(frozen=True)
class DatasetPictures:
    """The images of a dataset."""

    role: str
    data: Dataset

    @property
    def inputs(self) -> dict[str, str]:
        """The dataset's digest."""
        return {self.role: self.data.digest}

    def __len__(self) -> int:
        return len(self.data)

    def read(self, threads: int) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Yield the images."""
        return (self.data[index].image for index in range(len(self.data)))


@dataclass(frozen=True)
class SetPictures:
    """The images of a synthetic set."""

    role: str
    data: SyntheticSet

    @property
    def inputs(self) -> dict[str, str]:
        """The set's digest."""
        return {self.role: self.data.digest}

    def __len__(self) -> int:
        return len(self.data)

    def read(self, threads: int) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Yield the images; labels are not decoded."""
        return ordered_map(self.data.image, range(len(self.data)), threads)


@dataclass(frozen=True, kw_only=True, eq=False)
class Predict(Step):
    """Predict images, and write one compressed array file per image."""

    stage: ClassVar[str] = "predict"

    network: Network
    model: Finished
    pictures: Pictures

    @property
    def config(self) -> dict[str, Any]:
        """The network and its settings."""
        return {"network": self.network.name, "config": self.network.config}

    @property
    def inputs(self) -> dict[str, str]:
        """Key of the trained network, and digests of the images."""
        return {"model": self.model.key, **self.pictures.inputs}

    @property
    def versions(self) -> dict[str, int]:
        """Version of the network."""
        return {"network": version_of(self.network.plugin)}

    def run(self, folder: Path, context: Run) -> None:
        """Write the predictions."""
        less = (
            f"predict fewer windows of a tile together, for example with --set downstream.{self.network.name}."
            "window_batch=4 for a network for nuclei, or choose a smaller preset or a device with more memory"
        )
        with within_memory(f"Prediction with {self.network.name}", less):
            self._predict(folder, context)

    def _predict(self, folder: Path, context: Run) -> None:
        images = self.pictures.read(context.threads)
        predictions = self.network.plugin.predict(images, self.model.path, context)
        with context.progress("predict", len(self.pictures), unit="image") as progress:
            for index, prediction in enumerate(predictions):
                write_prediction(folder / f"{index:05d}.npz", prediction)
                progress.advance(1)


async def predict(session: Session, network: Network, model: Finished, pictures: Pictures, title: str) -> Finished:
    """Predict images with a trained network and return the finished step."""
    step = Predict(place=session.torch, title=title, network=network, model=model, pictures=pictures)
    return await session.do(step)


def write_prediction(path: Path, prediction: Prediction) -> None:
    """Write one prediction, without the parts that it does not have."""
    arrays = {name: value for name, value in vars(prediction).items() if value is not None}
    np.savez_compressed(path, **arrays)


def read_prediction(path: Path) -> Prediction:
    """Return the prediction in a file."""
    return Prediction(**read_npz(path))
