"""PathDiff learns within minutes: nuclei follow masks, captions choose their class, and both work together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.contract import Budget, Condition, Dataset, Sample, SampleRecord, TrainingMix
from downstream.augment import Augmentation
from downstream.hovernet import HoVerNet, HoVerNetConfig, Phase
from methods.pathdiff import PathDiffM, PathDiffMT, PathDiffT
from methods.pathdiff.config import PathDiffConfig
from metrics.faithfulness import mask_dice
from tests import toy
from tests.methods.pathdiff.settings import fit_all, tiny

SIZE = 16
CAPTIONS = {2: "blue discs", 4: "pink discs"}
RUN = toy.Run(threads=2)


@dataclass
class OneClass(toy.NucleiDataset):
    """Tiles with large discs of one class each, which the caption names."""

    def __post_init__(self) -> None:
        self.samples = [self._sample(index) for index in range(self.n_tiles)]

    def _sample(self, index: int) -> Sample:
        kind = (2, 4)[index % 2]
        image, instances, types = draw(1000 * self.seed + index, self.size, kind)
        name = f"{self.split}-{self.seed}-{index}"
        return Sample(name, image, f"slide-{index}", self.mpp, instances, types, caption=CAPTIONS[kind])

    @property
    def records(self) -> Sequence[SampleRecord]:
        return [SampleRecord.of(sample, 4) for sample in self.samples]


def draw(seed: int, size: int, kind: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw discs of radius 3 to 5 px on a pale background, all of one class."""
    rng = np.random.default_rng(seed)
    image = np.full((size, size, 3), (235.0, 200.0, 220.0)) + rng.normal(0, 4, (size, size, 3))
    instances, rows = np.zeros((size, size), np.int32), np.mgrid[:size, :size]
    for number in range(1, size * size // 100 + 1):
        y, x = rng.uniform(0, size, 2)
        inside = ((rows[0] - y) ** 2 + (rows[1] - x) ** 2 <= rng.uniform(3, 5) ** 2) & (instances == 0)
        instances[inside] = number
        image[inside] = np.array(toy.COLOURS[kind]) + rng.normal(0, 4, (int(inside.sum()), 3))
    present = np.unique(instances[instances > 0])
    table = np.zeros(instances.max() + 1, np.int32)
    table[present] = np.arange(1, len(present) + 1)
    return image.clip(0, 255).astype(np.uint8), table[instances], np.full(len(present), kind, np.uint8)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[PathDiffConfig, dict[str, Dataset], dict[str, Path]]:
    shared: dict[str, Any] = {"learning_rate": 3e-3, "decay": True, "clip": 1.0}
    training = shared | {"steps": 350, "batch_size": 16, "warmup": 20, "ema": 0.98}
    of_autoencoder = tiny().autoencoder.training.model_dump() | shared | {"steps": 300, "batch_size": 8}
    network = {"width": 24, "multipliers": [1, 2], "blocks": 1, "attention_factors": [1, 2], "groups": 4}
    autoencoder = tiny().autoencoder.network.model_dump() | {"width": 16, "latent_channels": 4}
    config = tiny(
        autoencoder={"network": autoencoder, "training": of_autoencoder},
        text_diffusion={"network": network, "diffusion": {"prediction": "v"}, "training": training},
        control={"network": {"hint_channels": [8, 16], "hint_scale": 0.015}, "training": training},
        sampler={"steps": 20, "eta": 0.0, "clip": False},
        guidance_scale=2.0,
    )
    data: dict[str, Dataset] = {
        "train": OneClass(n_tiles=12, size=48, seed=1),
        "text": OneClass(n_tiles=12, size=48, seed=2, split="text"),
    }
    with torch.random.fork_rng():
        fitted = fit_all(PathDiffM(config), tmp_path_factory.mktemp("learned"), data)
    return config, data, fitted


def asked(n: int, caption: str | None, masks: bool) -> list[Condition]:
    found = []
    for number in range(n):
        _, instances, types = draw(9000 + number, SIZE, (2, 4)[number % 2])
        labels: dict[str, Any] = {"instances": instances, "types": types} if masks else {}
        found.append(Condition(id=f"c{number}", kind="copy", seed=number, caption=caption, **labels))
    return found


def foreground(image: np.ndarray) -> np.ndarray:
    """Return the pixels that look like a disc of either class."""
    return image[..., 1].astype(int) < 150


def blueness(images: Sequence[np.ndarray]) -> float:
    """Return the share of disc pixels that look like class 2 rather than class 4."""
    pixels = np.concatenate([image[foreground(image)] for image in images]).astype(int)
    blue, pink = (np.abs(pixels - np.array(toy.COLOURS[kind])).sum(1) for kind in (2, 4))
    return float((blue < pink).mean())


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> tuple[HoVerNet, Path]:
    """A network that was trained on other tiles with discs of both classes, in its folder."""
    folder = tmp_path_factory.mktemp("segmenter")
    phases = (Phase(share=1, batch=8),)
    settings: dict[str, Any] = {"patch": 16, "width": 8, "learning_rate": 5e-3, "schedule": "cosine", "edge": 0.6}
    # colour is all that tells the classes apart
    settings["augmentation"] = Augmentation(
        affine=False, blur=False, hue=0, saturation=0, brightness=0, contrast=(1, 1)
    )
    config = HoVerNetConfig(network="small", phases=phases, holdout=0, selection="last", **settings)
    mix = TrainingMix(OneClass(n_tiles=12, size=48, seed=3))
    with torch.random.fork_rng():
        HoVerNet(config).fit(mix, Budget("steps", 300), folder, RUN)
    return HoVerNet(config), folder


def composition(segmenter: tuple[HoVerNet, Path], images: Sequence[np.ndarray]) -> float:
    """Return the share of the pixels of nuclei that the segmenter gives class 2 rather than class 4."""
    network, folder = segmenter
    counts = np.zeros(5, np.int64)
    for found in network.predict(images, folder, RUN):
        assert found.instances is not None
        assert found.types is not None
        counts += np.bincount(np.concatenate([[0], found.types])[found.instances].ravel(), minlength=5)
    assert counts[[2, 4]].sum() > 0.05 * sum(image[..., 0].size for image in images)
    return float(counts[2] / counts[[2, 4]].sum())


@pytest.mark.slow
def test_captions_shift_the_composition_that_a_segmenter_sees(learned: Any, segmenter: tuple[HoVerNet, Path]) -> None:
    config, data, fitted = learned
    real = [[draw(7000 + number, SIZE, kind)[0] for number in range(24)] for kind in (2, 4)]
    assert composition(segmenter, real[0]) > 0.9
    assert composition(segmenter, real[1]) < 0.1
    blue, pink = (
        composition(segmenter, list(PathDiffT(config).render(asked(24, CAPTIONS[kind], False), data, fitted, RUN)))
        for kind in (2, 4)
    )
    assert blue > pink + 0.3


@pytest.mark.slow
def test_discs_follow_the_mask(learned: Any) -> None:
    config, data, fitted = learned
    conditions = asked(24, None, True)
    images = list(PathDiffM(config).render(conditions, data, fitted, RUN))
    own = [mask_dice(foreground(image), c.instances > 0) for image, c in zip(images, conditions, strict=True)]
    others = [mask_dice(foreground(image), c.instances > 0) for image, c in zip(images[1:], conditions, strict=False)]
    assert np.mean(own) > np.mean(others) + 0.2
    assert np.mean(own) > 0.6


@pytest.mark.slow
def test_captions_choose_the_class(learned: Any) -> None:
    config, data, fitted = learned
    shares = [
        blueness(list(PathDiffT(config).render(asked(24, CAPTIONS[kind], False), data, fitted, RUN))) for kind in (2, 4)
    ]
    assert shares[0] > shares[1] + 0.3


@pytest.mark.slow
def test_masks_and_captions_are_both_obeyed(learned: Any) -> None:
    config, data, fitted = learned
    conditions = asked(24, CAPTIONS[2], True)
    images = list(PathDiffMT(config).render(conditions, data, fitted, RUN))
    own = [mask_dice(foreground(image), c.instances > 0) for image, c in zip(images, conditions, strict=True)]
    assert np.mean(own) > 0.5
    pink = list(PathDiffMT(config).render([replace(c, caption=CAPTIONS[4]) for c in conditions], data, fitted, RUN))
    assert blueness(images) > blueness(pink)
