"""Chosen images of phantom tissue show their class more often than random ones, says who did not choose them."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from bench.config.files import folder, read_yaml
from bench.contract import Budget, DatasetInfo, Sample, TrainingMix
from bench.datasets.phantom.config import PhantomConfig
from bench.datasets.phantom.tissue import TISSUE_CLASSES, draw_tissue
from downstream.vit import ViTConfig
from downstream.vit.fit import fit
from downstream.vit.predict import features
from methods.histodiffusion import HistoDiffusion, HistoDiffusionConfig
from methods.selection import SelectionArm, centroid_distances, class_centroids, select
from tests import toy
from tests.toy_tissue import TissueDataset

CLASSES, SIZE, FIELD = len(TISSUE_CLASSES), 64, 32.0  # the field of view of the card's squares
POOL, QUOTA = 480, 240  # images per class


class Slides(TissueDataset):
    """Phantom tissue of some slides, `tiles` of each class and slide, in memory."""

    def __init__(self, first: int, slides: int, tiles: int) -> None:
        super().__init__(CLASSES * slides * tiles, SIZE)
        self._samples = [
            Sample(f"{slide}-{name}-{tile}", image, f"slide-{slide}", 0.5, label=label)
            for slide in range(first, first + slides)
            for label, name in enumerate(TISSUE_CLASSES)
            for tile in range(tiles)
            for image, _ in [draw_tissue(tile, f"slide-{slide}", label, SIZE, config=PhantomConfig(), field=FIELD)]
        ]

    @property
    def info(self) -> DatasetInfo:
        return replace(super().info, labels=TISSUE_CLASSES)

    @property
    def labels(self) -> list[int]:
        return [int(sample.label) for sample in self._samples if sample.label is not None]

    @property
    def groups(self) -> list[str]:
        return [sample.group for sample in self._samples]

    def __getitem__(self, index: int) -> Sample:
        return self._samples[index]

    def images(self) -> np.ndarray:
        return np.stack([sample.image for sample in self._samples])


def _smoke(kind: str, name: str) -> dict[str, object]:
    return dict(read_yaml(folder() / kind / f"{name}.yaml")["presets"]["smoke"])


def _pixels(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).float() / 127.5 - 1


def _judge(real: Slides) -> nn.Module:
    """Train a convolutional network on slides that neither the generator nor the classifier that chooses has seen."""
    torch.manual_seed(0)
    widths = (3, 24, 48, 64, 96)
    blocks = [
        layer
        for before, after in itertools.pairwise(widths)
        for layer in (nn.Conv2d(before, after, 3, 2, 1), nn.BatchNorm2d(after), nn.ReLU())
    ]
    network = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], CLASSES))
    images, labels, steps = _pixels(real.images()), torch.tensor(real.labels), 600
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=0.05)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 1e-3 * (1 - step / steps)
        chosen = torch.randint(len(images), (32,))
        turned = torch.rot90(images[chosen], step % 4, (2, 3))
        stained = turned * (1 + 0.1 * torch.randn(32, 3, 1, 1)) + 0.05 * torch.randn(32, 3, 1, 1)
        loss = cross_entropy(network(stained), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval()


@torch.no_grad()
def _agreement(judge: nn.Module, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    seen = torch.cat([judge(batch) for batch in _pixels(images).split(128)])
    return np.asarray(seen.argmax(1).numpy() == labels)


def _random_sets(agrees: np.ndarray, target: np.ndarray, counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the agreement of 4000 random sets with as many images of each class, drawn without replacement."""
    total = np.zeros(4000)
    for label in np.flatnonzero(counts):
        everyone = agrees[target == label]
        # the number that agree among images drawn without replacement
        total += rng.hypergeometric(everyone.sum(), (~everyone).sum(), counts[label], 4000)
    return total / counts.sum()


@pytest.mark.slow
@pytest.mark.proof
@pytest.mark.timeout(2700)  # four networks are trained as at smoke: nine minutes on two cores
def test_chosen_images_agree_with_their_class_more_often_than_random_ones(tmp_path: Path) -> None:
    run, train = toy.Run(threads=2), Slides(0, 4, 2)
    data = {"train": train, "pool": Slides(16, 16, 3)}
    settings = {**_smoke("methods", "histodiffusion"), "patch_size": SIZE, "finetune": False}
    method = HistoDiffusion(HistoDiffusionConfig.model_validate(settings))
    fitted: dict[str, Path] = {}
    for part in method.parts():
        fitted[part.name] = tmp_path / part.name
        fitted[part.name].mkdir()
        method.fit(part, data, fitted, fitted[part.name], run)
    classifier = tmp_path / "vit"
    classifier.mkdir()
    mix = TrainingMix(real=train, synthetic=None, fraction=0.0)
    fit(ViTConfig.model_validate(_smoke("downstream", "vit")), mix, Budget(unit="steps", amount=300), classifier, run)

    conditions = list(method.plan(data, POOL * CLASSES, run.rng("pool")))
    pool = np.stack(list(method.render(conditions, data, fitted, run)))
    target = np.array([condition.label for condition in conditions])
    real = np.asarray(features(iter(train.images()), classifier, run))
    centroids = class_centroids(real, np.array(train.labels), CLASSES)
    distances = centroid_distances(np.asarray(features(iter(pool), classifier, run)), centroids)
    arm, quota = SelectionArm(rule="centroid", ratio=1.0), np.full(CLASSES, QUOTA)
    chosen = select(arm, distances, target, quota, rng=run.rng("chosen")).indices

    judge = _judge(Slides(100, 12, 3))
    unseen = Slides(200, 4, 2)
    assert _agreement(judge, unseen.images(), np.array(unseen.labels)).mean() > 0.6  # chance is .11
    agrees = _agreement(judge, pool, target)
    assert len(np.unique(target[chosen])) >= 7
    counts = np.bincount(target[chosen], minlength=CLASSES)
    random_sets = _random_sets(agrees, target, counts, np.random.default_rng(0))
    low, high = np.quantile(random_sets, [0.025, 0.975])
    print(f"chosen {agrees[chosen].mean():.3f}, random sets [{low:.3f}, {high:.3f}], all {agrees.mean():.3f}")
    assert agrees.mean() > 3 / CLASSES  # guidance shows classes at all
    assert agrees[chosen].mean() > high
