"""Class probabilities and features of images of any size."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from bench.contract import Prediction, RunContext
from bench.training import load_weights, seeded
from downstream.images import to_square
from downstream.placed import placed
from downstream.vit.build import build
from downstream.vit.config import ViTConfig
from downstream.vit.fit import SETTINGS, WEIGHTS

if TYPE_CHECKING:
    from lightning_fabric.wrappers import _FabricModule


Image = UInt8[np.ndarray, "h w 3"]
BATCH = 64


class Trained(NamedTuple):
    """A network and what is needed to use it."""

    network: _FabricModule
    device: torch.device
    size: int


def load(checkpoint: Path, run: RunContext) -> Trained:
    """Load the network from a folder that training wrote."""
    settings = json.loads((checkpoint / SETTINGS).read_text(encoding="utf-8"))
    # The weights that training started from, and their file, are no longer needed.
    config = ViTConfig.model_validate(settings["config"] | {"pretrained": None})
    with seeded(0):  # initial weights are replaced below; the global generator is not changed
        network = build(config, len(settings["classes"]))
    load_weights(checkpoint / WEIGHTS, network)
    return Trained(*placed(network, run), config.size)


def predict(images: Iterable[Image], checkpoint: Path, run: RunContext) -> Iterator[Prediction]:
    """Yield predictions for images, in order: class probabilities that sum to 1."""
    trained = load(checkpoint, run)
    for logits in _batches(images, trained, trained.network):
        for scores in logits.softmax(1).cpu().numpy():
            yield Prediction(scores=scores)


def features(images: Iterable[Image], checkpoint: Path, run: RunContext) -> Float32[np.ndarray, "n d"]:
    """Return one vector per image: the input of the head, which is the class token after the last norm."""
    trained = load(checkpoint, run)
    vectors = [batch.cpu().numpy() for batch in _batches(images, trained, trained.network.features)]
    width = trained.network.vit.num_features
    return np.concatenate(vectors) if vectors else np.empty((0, width), np.float32)


def _batches(
    images: Iterable[Image], trained: Trained, apply: Callable[[torch.Tensor], torch.Tensor]
) -> Iterator[torch.Tensor]:
    remaining = iter(images)
    while batch := [to_square(image, trained.size) for image in islice(remaining, BATCH)]:
        with torch.inference_mode():
            output = apply(torch.from_numpy(np.stack(batch)).to(trained.device)).float()
        yield output
