"""Simulated test sets whose truth is known: sums over groups of slides, under seeds of training and of generation.

Every function returns statistics `[replications, *seeds, groups, k]`, one row per slide, for many replications at once.
A slide's quality is expit(mean + deviation), where deviations are normal; the truth is the mean over slides, images,
and seeds, which a quadrature gives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

IMAGES = 4
"""Images per slide."""
SD = 0.8
"""Standard deviation of the quality of an image, in logits."""
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(12)


@dataclass(frozen=True)
class World:
    """How numbers vary: `correlation` of images of a slide, and standard deviations of seeds in logits.

    `mean` is the quality in logits, `slides` the share of a slide's effect that arms do not have in common, `seed`,
    `generation` and `cell` the effects of a training seed, of a set, and of one training on one set on all images,
    `noise` that of one training on each slide.
    """

    correlation: float = 0.2
    mean: float = 1.0
    slides: float = 0.3
    seed: float = 0.0
    generation: float = 0.0
    cell: float = 0.0
    noise: float = 0.2

    @property
    def truth(self) -> float:
        """The mean quality over slides, images and seeds."""
        sd = np.sqrt(SD**2 + self.seed**2 + self.generation**2 + self.cell**2 + self.noise**2)
        return float((WEIGHTS * expit(self.mean + sd * NODES)).sum() / WEIGHTS.sum())


def qualities(
    rng: np.random.Generator, world: World, n: int, n_groups: int, seeds: tuple[int, ...], arms: int = 1
) -> np.ndarray:
    """Return the quality in logits of slides [n, arms, *seeds, groups], without that of images.

    Arms have a part of each slide's effect in common; their seeds are their own, except for the effect of a training
    seed in a crossed design, half of whose variance they have in common. There, only the first arm draws sets.
    """
    ones, slide = (1,) * len(seeds), SD * np.sqrt(world.correlation)
    common, own = np.sqrt(1 - world.slides), np.sqrt(world.slides)
    value = world.mean + slide * common * rng.standard_normal((n, 1, *ones, n_groups))
    value = value + slide * own * rng.standard_normal((n, arms, *ones, n_groups))
    if seeds:
        rest = ones[1:]
        shared = np.sqrt(0.5) if rest else 0.0
        of_seed = shared * rng.standard_normal((n, 1, seeds[0], *rest, 1))
        value = value + world.seed * (
            of_seed + np.sqrt(1 - shared**2) * rng.standard_normal((n, arms, seeds[0], *rest, 1))
        )
        if rest:
            drawn = (np.arange(arms) == 0).reshape(1, arms, 1, 1, 1)
            value = value + drawn * world.generation * rng.standard_normal((n, arms, 1, seeds[1], 1))
            value = value + world.cell * rng.standard_normal((n, arms, *seeds, 1))
    return value + world.noise * rng.standard_normal((n, arms, *seeds, n_groups))


def means(rng: np.random.Generator, world: World, quality: np.ndarray) -> np.ndarray:
    """Return sum and count of the values of each slide's images, of which all arms and seeds see the same."""
    own = SD * np.sqrt(1 - world.correlation)
    images = rng.standard_normal((len(quality), *(1,) * (quality.ndim - 2), quality.shape[-1], IMAGES))
    total = expit(quality[..., None] + own * images).sum(axis=-1)
    return np.stack([total, np.full(total.shape, float(IMAGES))], axis=-1)


def counts(
    rng: np.random.Generator, world: World, quality: np.ndarray, *, per_slide: float, imbalance: float
) -> np.ndarray:
    """Return 2 TP and 2 TP + FP + FN of each slide, where F is the quality on average.

    Args:
        rng: the generator.
        world: the world; within a slide, nuclei differ as images do elsewhere.
        quality: the logits of slides.
        per_slide: mean number of nuclei of the class on a slide.
        imbalance: standard deviation of the logarithm of that number between slides; 0: all have the same.
    """
    shape = (len(quality), *(1,) * (quality.ndim - 2), quality.shape[-1])
    own = SD * np.sqrt(1 - world.correlation)
    size = np.exp(imbalance * rng.standard_normal(shape) - imbalance**2 / 2)
    denominators = np.broadcast_to(rng.poisson(2 * per_slide * size), quality.shape)
    kept = np.zeros(quality.shape)
    for node, weight in zip(NODES, WEIGHTS / WEIGHTS.sum(), strict=True):
        kept += weight * expit(quality + own * node)
    return np.stack([rng.binomial(denominators, kept), denominators], axis=-1).astype(np.float64)
