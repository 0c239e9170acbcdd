"""Prediction for images of any size with a trained network."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from bench.contract import Prediction, RunContext
from bench.training import load_weights, seeded
from downstream.nuclei.family import Family, Subject
from downstream.nuclei.fit import SETTINGS, WEIGHTS
from downstream.nuclei.maps import predicted_maps
from downstream.nuclei.pool import overlapped, worker_count
from downstream.nuclei.settings import NucleusSettings
from downstream.placed import placed
from downstream.tiles import cut

if TYPE_CHECKING:
    from lightning_fabric.wrappers import _FabricModule


Image = UInt8[np.ndarray, "h w 3"]

WORTHWHILE = 4_000_000
"""Pixels of images from which worker processes are started: about as many are decoded in the second that this takes."""


class Trained(NamedTuple):
    """A network and what is needed to use it."""

    network: _FabricModule
    device: torch.device
    family: Family


def load(kind: type[Family], settings: type[NucleusSettings], checkpoint: Path, run: RunContext) -> Trained:
    """Load the network from a folder that training wrote."""
    stored: dict[str, Any] = json.loads((checkpoint / SETTINGS).read_text(encoding="utf-8"))
    # The file that the weights came from is no longer needed.
    config = settings.model_validate(stored["config"] | {"pretrained": None, "released": None})
    subject = Subject(tuple(stored["classes"]), tuple(stored["tissues"]), stored["mpp"])
    family = kind(config, subject, stored["numbers"])
    with seeded(0):  # initial weights are replaced below; the global generator is not changed
        network = family.build()
    load_weights(checkpoint / WEIGHTS, network)
    return Trained(*placed(network, run, channels_last=True), family)


def predict(trained: Trained, images: Iterable[Image], run: RunContext) -> Iterator[Prediction]:
    """Yield predictions for images, in order; the nuclei of each image are separated once for the whole image.

    If there is enough to do, other processes separate the nuclei of an image while the next image is predicted.
    """
    remaining = iter(images)
    read = _read(remaining, WORTHWHILE)
    pixels = [image.shape[0] * image.shape[1] for image in read]
    maps = (predicted_maps(image, trained.network, trained.family, trained.device) for image in chain(read, remaining))
    workers = worker_count(run)
    if workers and sum(pixels) >= WORTHWHILE:
        yield from overlapped(trained.family.decoder, maps, workers, ahead=max(1, WORTHWHILE // max(pixels)))
    else:
        yield from map(trained.family.decoder, maps)


def features(trained: Trained, images: Iterable[Image]) -> Float32[np.ndarray, "n d"]:
    """Return one vector per image: the mean of the shared layer over all windows."""
    return np.stack([_pooled(image, trained) for image in images])


def _read(images: Iterator[Image], pixels: int) -> list[Image]:
    """Return the next images, so many that they have at least so many pixels together, or all that remain."""
    read: list[Image] = []
    for image in images:
        read.append(image)
        pixels -= image.shape[0] * image.shape[1]
        if pixels <= 0:
            break
    return read


def _pooled(image: Image, trained: Trained) -> Float32[np.ndarray, " d"]:
    rows, columns, batch = trained.family.windows(*image.shape[:2])
    with torch.inference_mode():
        vectors = [
            trained.network.features(torch.from_numpy(part).to(trained.device)).float().mean((2, 3))
            for _, part in cut(image, rows, columns, batch)
        ]
    return np.asarray(torch.cat(vectors).mean(0).cpu().numpy())
