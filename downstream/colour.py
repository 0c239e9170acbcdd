"""A classifier that sees only colour; its row shows how much of a score colours can explain.

On NCT-CRC-HE such models reach 50 to 82 % (Ignatov & Malivenko 2024, arXiv:2409.11546). Code that needs scikit-learn
imports it when it is used.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float32, Float64, UInt8
from pydantic import Field

from bench.contract import Budget, Downstream, Prediction, RunContext, Settings, Task, TrainingMix
from bench.errors import DataError

Image = UInt8[np.ndarray, "h w 3"]

WEIGHTS, SETTINGS = "weights.npz", "config.json"
ITERATIONS = 5000


class ColourConfig(Settings):
    """Bins of the histograms, and the strength of the ridge penalty of the regression."""

    bins: int = Field(default=16, ge=2, le=256)  # bins of each channel's histogram
    cube: int = Field(default=4, ge=1, le=16)  # bins per axis of the joint histogram; 1 means no joint histogram
    inverse_ridge: float = Field(default=0.1, gt=0)  # scikit-learn's C, on standardised features


class ColourHistogram(Downstream):
    """Multinomial logistic regression on colour histograms and moments of optical density.

    The square roots of histogram shares are used, so Euclidean distances are Hellinger distances. The order of pixels
    has no influence. Synthetic images are weighted so that their share of the loss is the share of the mix, which a
    stream of images with that share approaches in the long run. The fit is a convex problem that is solved to
    convergence, so neither the budget nor the seed changes it. The class probabilities minimise a proper score and are
    not calibrated further.
    """

    Config: ClassVar[type[ColourConfig]] = ColourConfig
    task: ClassVar[Task] = "tissue"
    config: ColourConfig

    def __init__(self, config: ColourConfig) -> None:
        self.config = config

    def steps(self, train: TrainingMix, budget: Budget) -> int:
        """Return 1: there are no optimiser steps, and the budget does not matter."""
        return 1

    def fit(self, train: TrainingMix, budget: Budget, out: Path, run: RunContext) -> None:
        """Fit the model and write `weights.npz` and `config.json`, all that :meth:`predict` needs, to `out`.

        Raises:
            DataError: images lack classes, all images belong to one class, or the synthetic set has other classes.
        """
        from downstream.images import LabelledImages, synthetic_images

        classes = train.real.info.labels
        real, synthetic = LabelledImages(train.real), synthetic_images(train, frozenset())
        x, y = self._vectors(real[i] for i in range(len(real))), real.labels
        weight = np.full(len(x), 1.0)
        if synthetic is not None:
            others = self._vectors(synthetic[i] for i in range(len(synthetic)))
            x, y = np.concatenate([x, others]), np.concatenate([y, synthetic.labels])
            weight = np.full(len(y), train.fraction / len(others))
            weight[: len(real)] = (1 - train.fraction) / max(1, len(real))
            weight *= len(real) if len(real) else len(others)  # the ridge is that of a fit on only the real images
        used = weight > 0
        if len(np.unique(y[used])) < 2:
            raise DataError(
                "The training images must belong to at least two classes",
                got=f"{len(np.unique(y[used]))} class",
                fix="use a training split with images of several classes",
            )
        arrays = _regression(x[used], y[used], weight[used], len(classes), self.config.inverse_ridge, run.seed)
        temporary = out / ("tmp-" + WEIGHTS)
        np.savez(temporary, **arrays)  # type: ignore[arg-type]
        os.replace(temporary, out / WEIGHTS)
        settings = {"config": self.config.model_dump(mode="json"), "classes": list(classes)}
        (out / SETTINGS).write_text(json.dumps(settings, indent=1, sort_keys=True), encoding="utf-8")

    def predict(self, images: Iterable[Image], checkpoint: Path, run: RunContext) -> Iterator[Prediction]:
        """Yield the class probabilities of images of any size, in order."""
        config = self._trained(checkpoint)
        with np.load(checkpoint / WEIGHTS, allow_pickle=False) as arrays:
            mean, deviation, slopes, offsets = (arrays[name] for name in ("mean", "deviation", "slopes", "offsets"))
        for image in images:
            logits = (colour_vector(image, config) - mean) / deviation @ slopes + offsets
            scores = np.exp(logits - logits.max())
            yield Prediction(scores=(scores / scores.sum()).astype(np.float32))

    def features(self, images: Iterable[Image], checkpoint: Path, run: RunContext) -> Float32[np.ndarray, "n d"]:
        """Return the vectors that the regression reads, one per image."""
        config = self._trained(checkpoint)
        vectors = [colour_vector(image, config) for image in images]
        return np.stack(vectors).astype(np.float32) if vectors else np.empty((0, 0), np.float32)

    def _vectors(self, images: Iterable[Image]) -> Float64[np.ndarray, "n d"]:
        return np.array([colour_vector(image, self.config) for image in images])

    def _trained(self, checkpoint: Path) -> ColourConfig:
        return ColourConfig.model_validate(json.loads((checkpoint / SETTINGS).read_text(encoding="utf-8"))["config"])


def colour_vector(image: Image, config: ColourConfig) -> Float64[np.ndarray, " d"]:
    """Return square roots of histogram shares (per channel and joint) and moments of optical density and stains."""
    from metrics.colour import colour_features

    pixels = image.reshape(-1, 3).astype(np.int64)
    shares = [np.bincount(pixels[:, c] * config.bins // 256, minlength=config.bins) for c in range(3)]
    if config.cube > 1:
        coarse = pixels * config.cube // 256
        joint = (coarse[:, 0] * config.cube + coarse[:, 1]) * config.cube + coarse[:, 2]
        shares.append(np.bincount(joint, minlength=config.cube**3))
    return np.concatenate([*(np.sqrt(share / len(pixels)) for share in shares), colour_features(image)])


def _regression(
    x: Float64[np.ndarray, "n d"],
    y: np.ndarray,
    weight: np.ndarray,
    classes: int,
    inverse_ridge: float,
    seed: int,
) -> dict[str, np.ndarray]:
    """Fit the regression to convergence; a class without images gets a probability of 0."""
    from sklearn.linear_model import LogisticRegression

    mean = np.average(x, axis=0, weights=weight)
    deviation = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weight))
    # A bin that is rarely used carries no information and must not dominate if a test image uses it.
    deviation = np.maximum(deviation, 0.02)
    model = LogisticRegression(C=inverse_ridge, max_iter=ITERATIONS, random_state=seed % 2**32)
    model.fit((x - mean) / deviation, y, sample_weight=weight)
    slopes, offsets = np.zeros((x.shape[1], classes)), np.full(classes, -np.inf)
    known = model.classes_
    if len(known) == 2:  # one row of coefficients, of the second class against the first
        slopes[:, known[1]], offsets[known] = model.coef_[0], (0, model.intercept_[0])
    else:
        slopes[:, known], offsets[known] = model.coef_.T, model.intercept_
    return {"mean": mean, "deviation": deviation, "slopes": slopes, "offsets": offsets}
