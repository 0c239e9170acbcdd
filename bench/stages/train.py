"""Stages *train* and *predict*: a network fitted on an arm, and what it says of the real test images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from bench.config import Preset
from bench.contract import Budget, Dataset, Prediction, TrainingMix
from bench.engine.context import Run
from bench.engine.job import Finished
from bench.engine.session import Session
from bench.plan.arms import Arm, Network
from bench.synthetic import SyntheticSet


def train_network(
    session: Session,
    network: Network,
    arm: Arm,
    train: Dataset,
    synthetic: SyntheticSet | None,
    preset: Preset,
    seed: int,
) -> Finished:
    """Fit a network on real and synthetic patches for the declared budget."""
    ratio = arm.ratio if synthetic is not None else 0.0
    mix = TrainingMix(train, synthetic, ratio / (1 + ratio))
    budget = Budget(preset.budget.unit, preset.budget.amount)
    config = {
        "network": network.name,
        "config": network.config,
        "fraction": mix.fraction,
        "budget": preset.budget.model_dump(),
    }
    inputs = {"real": train.digest} | ({} if synthetic is None else {"synthetic": synthetic.digest})
    job = session.torch("train", config, inputs, f"{network.name} on {arm.title}, seed {seed}", seed)

    def work(folder: Path, run: Run) -> None:
        network.plugin.fit(mix, budget, folder, run)

    return session.do(job, work)


def predict_test(session: Session, network: Network, model: Finished, test: Dataset, title: str) -> Finished:
    """Predict every test image; one compressed array file an image."""

    def images() -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        return (test[index].image for index in range(len(test)))

    return predict(session, network, model, images, len(test), {"test": test.digest}, title)


def predict(
    session: Session,
    network: Network,
    model: Finished,
    images: Callable[[], Iterable[UInt8[np.ndarray, "h w 3"]]],
    n: int,
    inputs: Mapping[str, str],
    title: str,
) -> Finished:
    """Predict `n` images of any kind, which `inputs` name in the key; one compressed array file an image."""
    config = {"network": network.name, "config": network.config}
    job = session.torch("predict", config, {"model": model.key, **inputs}, title)

    def work(folder: Path, run: Run) -> None:
        predictions = network.plugin.predict(images(), model.path, run)
        with run.progress("predict", n, unit="image") as progress:
            for index, prediction in enumerate(predictions):
                write_prediction(folder / f"{index:05d}.npz", prediction)
                progress.advance(1)

    return session.do(job, work)


def write_prediction(path: Path, prediction: Prediction) -> None:
    """Write one prediction; absent parts are left out."""
    arrays = {name: value for name, value in vars(prediction).items() if value is not None}
    np.savez_compressed(path, **arrays)


def read_prediction(path: Path) -> Prediction:
    """Read one prediction."""
    with np.load(path, allow_pickle=False) as arrays:
        return Prediction(**{name: arrays[name] for name in arrays.files})
