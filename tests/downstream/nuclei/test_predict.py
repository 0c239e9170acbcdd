"""Prediction: other processes give the results of this one, and are only started when there is enough to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.contract import Budget, Prediction, TrainingMix
from downstream.hovernet import HoVerNet, HoVerNetConfig, Phase
from downstream.nuclei import pool
from downstream.nuclei import predict as module
from tests.toy import NucleiDataset, Run

CONFIG = HoVerNetConfig(
    network="small",
    patch=32,
    width=8,
    phases=(Phase(share=1, batch=8),),
    learning_rate=5e-3,
    schedule="cosine",
    edge=0.6,
    holdout=0,
    selection="last",
)
IMAGES = [sample.image for sample in NucleiDataset(5, 96).samples]
BOTH = replace(Run(), threads=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trained")
    HoVerNet(CONFIG).fit(TrainingMix(NucleiDataset(2, 48)), Budget("steps", 60), path, Run())
    return path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of worker processes that were started; two cores."""
    numbers: list[int] = []
    overlapped = pool.overlapped

    def noted(function, arguments, workers: int, ahead: int) -> Iterator[Prediction]:
        numbers.append(workers)
        return overlapped(function, arguments, workers, ahead)

    monkeypatch.setattr(module, "overlapped", noted)
    monkeypatch.setattr(pool, "_cores", lambda: 4)
    return numbers


def test_results_of_other_processes_are_the_same_bit_for_bit(
    folder: Path, started: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = list(HoVerNet(CONFIG).predict(IMAGES, folder, Run()))
    assert started == []
    monkeypatch.setattr(module, "WORTHWHILE", 1000)
    parallel = list(HoVerNet(CONFIG).predict(iter(IMAGES), folder, replace(BOTH, threads=3)))
    assert started == [2]
    assert max(int(p.instances.max()) for p in serial if p.instances is not None) > 3
    assert len(parallel) == len(IMAGES)
    for one, other in zip(serial, parallel, strict=True):
        for name, value in vars(one).items():
            np.testing.assert_array_equal(value, getattr(other, name))
            assert value is None or value.dtype == getattr(other, name).dtype


def test_few_pixels_are_decoded_in_this_process(
    folder: Path, started: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WORTHWHILE", 3 * 96 * 96 + 1)
    assert len(list(HoVerNet(CONFIG).predict(IMAGES[:3], folder, BOTH))) == 3
    assert started == []
    assert len(list(HoVerNet(CONFIG).predict(IMAGES[:4], folder, BOTH))) == 4
    assert started == [1]
    assert list(HoVerNet(CONFIG).predict([], folder, BOTH)) == []


def test_images_are_read_as_they_are_needed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def images() -> Iterator[np.ndarray]:
        for number, image in enumerate(IMAGES):
            read.append(number)
            yield image

    monkeypatch.setattr(module, "WORTHWHILE", 2 * 96 * 96)
    results = HoVerNet(CONFIG).predict(images(), folder, Run())
    next(results)
    assert read == [0, 1]
    assert len(list(results)) == len(IMAGES) - 1
