"""Prediction for images of any size with a trained network."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from bench.contract import Prediction, RunContext
from bench.training import load_weights
from downstream.hovernet.build import build, windows
from downstream.hovernet.config import HoVerNetConfig
from downstream.hovernet.fit import SETTINGS, WEIGHTS
from downstream.postprocess import decode_hovernet, foreground, instance_info
from downstream.tiles import cut, predict_maps

if TYPE_CHECKING:
    from lightning_fabric.wrappers import _FabricModule


Image = UInt8[np.ndarray, "h w 3"]


class Trained(NamedTuple):
    """A network and what is needed to use it."""

    network: _FabricModule
    device: torch.device
    config: HoVerNetConfig
    n_types: int
    mpp: float


def load(checkpoint: Path, run: RunContext) -> Trained:
    """Load the network from a folder that training wrote."""
    from lightning_fabric import Fabric

    settings = json.loads((checkpoint / SETTINGS).read_text(encoding="utf-8"))
    # The weights that training started from, and the file that they came from, are no longer needed.
    config = HoVerNetConfig.model_validate(settings["config"] | {"encoder_weights": None, "pretrained": None})
    network = build(config, len(settings["classes"]))
    load_weights(checkpoint / WEIGHTS, network)
    fabric = Fabric(accelerator=run.device, devices=1, precision=run.precision)  # type: ignore[arg-type]
    network.to(fabric.device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    wrapped = fabric.setup_module(network)
    wrapped.mark_forward_method("features")
    return Trained(wrapped, fabric.device, config, len(settings["classes"]), settings["mpp"])


def predict(images: Iterable[Image], checkpoint: Path, run: RunContext) -> Iterator[Prediction]:
    """Yield predictions for images, in order; the nuclei of each image are separated once for the whole image."""
    trained = load(checkpoint, run)
    for image in images:
        yield decode(maps(image, trained), trained)


def maps(image: Image, trained: Trained) -> Float32[np.ndarray, "h w c"]:
    """Return the stitched maps of an image: nucleus probability, offsets x and y, logits of the types."""

    def apply(batch: UInt8[np.ndarray, "n i j 3"]) -> Float32[np.ndarray, "n c p q"]:
        with torch.inference_mode():
            output = trained.network(torch.from_numpy(batch).to(trained.device))
            nucleus = output["np"].float().softmax(1)[:, 1:]
            joined = torch.cat([nucleus, output["hv"].float(), output["tp"].float()], dim=1)
        return np.asarray(joined.cpu().numpy())

    rows, columns, batch = windows(trained.config, *image.shape[:2])
    return predict_maps(image, apply, rows, columns, batch)


def decode(stitched: Float32[np.ndarray, "h w c"], trained: Trained) -> Prediction:
    """Convert the maps of an image to nuclei with types."""
    probability, hv, logits = stitched[..., 0], stitched[..., 1:3], stitched[..., 3:]
    threshold, edge = trained.config.threshold, trained.config.edge
    instances = decode_hovernet(probability, hv, mpp=trained.mpp, threshold=threshold, edge=edge)
    types = logits.argmax(-1).astype(np.uint8)
    return Prediction(
        instances=instances,
        types=instance_info(instances, types, trained.n_types).types,
        foreground=foreground(probability, mpp=trained.mpp, threshold=threshold),
    )


def features(images: Iterable[Image], checkpoint: Path, run: RunContext) -> Float32[np.ndarray, "n d"]:
    """Return one vector per image: the mean of the shared layer over all windows."""
    trained = load(checkpoint, run)
    return np.stack([_pooled(image, trained) for image in images])


def _pooled(image: Image, trained: Trained) -> Float32[np.ndarray, " d"]:
    rows, columns, batch = windows(trained.config, *image.shape[:2])
    with torch.inference_mode():
        vectors = [
            trained.network.features(torch.from_numpy(part).to(trained.device)).float().mean((2, 3))
            for _, part in cut(image, rows, columns, batch)
        ]
    return np.asarray(torch.cat(vectors).mean(0).cpu().numpy())
