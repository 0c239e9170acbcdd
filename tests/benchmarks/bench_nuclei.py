"""Inference and post-processing of ten tiles of 1000 px: they overlap, so both take little longer than the slower."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from downstream.hovernet import HoVerNetConfig
from downstream.hovernet.family import HoVerNetFamily
from downstream.nuclei import predict as protocol
from downstream.nuclei.family import Subject
from downstream.nuclei.maps import predicted_maps
from downstream.targets import offset_maps
from tests.benchmarks.conftest import seconds
from tests.toy import CLASSES, Run
from tests.toy_maps import contiguous, pair, type_map, typed

TILES = [np.random.default_rng(seed).integers(0, 256, (1000, 1000, 3), np.uint8) for seed in range(10)]


@pytest.fixture
def one_thread():
    """One thread predicts, so that a second core is free for the process that separates nuclei."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def true_maps() -> np.ndarray:
    """Maps of 700 nuclei, as a perfect network would predict them."""
    instances = contiguous(pair(0, 1000, 700, radii=(0.2, 0.4))[0])
    types = type_map(instances, typed(np.random.default_rng(1), instances, 4))
    logits = 9.0 * (types[..., None] == np.arange(5))
    return np.dstack([instances > 0, offset_maps(instances, instances, 1), logits]).astype(np.float32)


def test_inference_and_post_processing_overlap(note, one_thread, monkeypatch):
    """The network of `smoke` predicts every tile; its maps are replaced by true ones, so that there are nuclei."""
    family = HoVerNetFamily(HoVerNetConfig(network="small", patch=64, width=32), Subject(CLASSES, (), 0.25), {})
    network = Fabric(accelerator="cpu").setup_module(family.build().eval())
    trained = protocol.Trained(network, torch.device("cpu"), family)
    truth = true_maps()

    def maps(image, *given):
        predicted_maps(image, *given)
        return truth

    monkeypatch.setattr(protocol, "predicted_maps", maps)
    found = []

    def both():
        found.extend(protocol.predict(trained, TILES, replace(Run(), threads=2)))

    maps(TILES[0], network, family, trained.device)  # warm up
    inference = seconds(lambda: [maps(tile, network, family, trained.device) for tile in TILES])
    separation = seconds(lambda: [family.decoder(truth) for _ in TILES])
    ratio = seconds(both) / max(inference, separation)
    assert [int(p.instances.max()) > 600 for p in found] == [True] * 10
    case = "HoVer-Net, ten tiles of 1000 px, predict"
    note(f"{case}: inference", inference, "s")
    note(f"{case}: separation of nuclei", separation, "s")
    note(f"{case}: both / the slower", ratio, "x", at_most=1.2)
