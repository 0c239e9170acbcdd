"""Proof that guided samples show their class: judged by mean colour, which no network here has learnt to name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.contract import Dataset
from methods.histodiffusion import HistoDiffusion, HistoDiffusionConfig
from tests import toy
from tests.methods.histodiffusion.presets import tiny
from tests.methods.latent.presets import Stripes, Unlabelled
from tests.toy_tissue import COLOURS

SIZE = 16
DATA: dict[str, Dataset] = {"train": Stripes(45, SIZE), "pool": Unlabelled(90, SIZE, seed=1)}


def _settings(**changes: object) -> HistoDiffusionConfig:
    encoder = {"width": 16, "multipliers": [1, 2], "attention_sizes": [], "head_channels": 8}
    classifier = {"network": encoder, "training": {"steps": 120, "batch_size": 24, "learning_rate": 2e-3}}
    return HistoDiffusionConfig.model_validate(
        tiny(
            patch_size=SIZE,
            autoencoder={"training": {"steps": 150, "learning_rate": 3e-3, "decay": True, "discriminator_start": 999}},
            latent_diffusion={
                "network": {"width": 24, "head_channels": 24},
                "diffusion": {"prediction": "v"},
                "training": {"steps": 300, "batch_size": 24, "learning_rate": 2e-3, "decay": True, "ema": 0.98},
            },
            image_classifier=classifier,
            latent_classifier=classifier,
            decoder={"steps": 30, "learning_rate": 3e-4, "classification_weight": 0.05},
            sampler={"steps": 20, "batch_size": 64},
            **changes,
        )
    )


def _fit(root: Path, run: toy.Run) -> dict[str, Path]:
    method, fitted = HistoDiffusion(_settings()), dict[str, Path]()
    for part in method.parts():
        out = root / part.name
        out.mkdir()
        method.fit(part, {role: DATA[role] for role in part.reads}, fitted, out, run)
        fitted[part.name] = out
    return fitted


def _agreement(fitted: dict[str, Path], scale: float) -> float:
    """Return the share of 60 samples whose mean colour is nearest to that of the class that was asked for."""
    method = HistoDiffusion(_settings(guidance_scale=scale))
    conditions = list(method.plan(DATA, 60, np.random.default_rng(0)))
    images = method.render(conditions, DATA, fitted, toy.Run())
    means = np.stack([image.mean(axis=(0, 1)) for image in images])
    nearest = ((means[:, None] - 0.8 * COLOURS) ** 2).sum(-1).argmin(1)
    return float(np.mean(nearest == [condition.label for condition in conditions]))


@pytest.mark.slow
def test_guided_samples_show_their_class(tmp_path: Path) -> None:
    run = toy.Run()
    fitted = _fit(tmp_path, run)
    first, last = (
        np.mean([run.curves["decoder/cross_entropy"][step] for step in steps]) for steps in (range(5), range(25, 30))
    )
    # with these colours the classifier is sure of every reconstruction, before and after the decoder is tuned
    assert last < max(first, 1e-3)
    unguided, guided = _agreement(fitted, 0.0), _agreement(fitted, 3.0)
    assert unguided < 0.55  # chance is a third
    assert guided > 0.85
