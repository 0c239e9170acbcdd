"""Proofs that the networks learn: images take the colour of their class, and their spread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from methods.stylegan2 import StyleGAN2, StyleGAN2Config
from tests import toy
from tests.methods.stylegan2_presets import tiny
from tests.toy_tissue import COLOURS, TissueDataset

DATA = {"train": TissueDataset(48, 16)}


def _settings(steps: int) -> dict[str, Any]:
    return tiny(
        network={"latent": 16, "channel_base": 128, "channel_max": 16},
        training={"steps": steps, "batch_size": 16, "learning_rate": 5e-3, "r1_weight": 0.5, "path_every": 8},
    )


def _classified(images: list[np.ndarray]) -> np.ndarray:
    """Return the class whose colour is nearest to each image's mean."""
    means = np.stack([image.mean(axis=(0, 1)) for image in images])
    return np.linalg.norm(means[:, None] - COLOURS, axis=2).argmin(axis=1)


@pytest.mark.slow
def test_images_take_the_colour_of_their_class(tmp_path: Path) -> None:
    method, run = StyleGAN2(StyleGAN2Config.model_validate(_settings(300))), toy.Run()
    method.fit(method.parts()[0], DATA, {}, tmp_path, run)
    conditions = list(method.plan(DATA, 90, np.random.default_rng(0)))
    images = list(method.render(conditions, DATA, {"stylegan2": tmp_path}, run))
    right = _classified(images) == [condition.label for condition in conditions]
    # chance is a third
    assert right.mean() > 0.8
    # classes differ, and so do images of a class
    first = np.stack([image for image, c in zip(images, conditions, strict=True) if c.label == 0]).astype(float)
    assert first.std(axis=0).mean() > 2
    scores = run.curves["stylegan2/discriminator"]
    assert all(np.isfinite(list(curve.values())).all() for curve in run.curves.values())
    assert np.mean(list(scores.values())[-50:]) > 0.2  # the discriminator has not won
