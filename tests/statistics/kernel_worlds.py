"""Worlds in which the coverage of the kernel distance's interval is counted: slides, generators and seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from metrics.kernel_groups import grouped_kernel_distance
from metrics.sources import LeftOut, interval_over_sources

_SCALES = 1 / np.sqrt(np.arange(1, 9))


@dataclass(frozen=True)
class World:
    """Real slides, and generators that shift by `shift` and keep `spread` of the standard deviation within slides.

    `share` is the part of the variance that lies between slides. A set of `made` slides shows new patches of the same
    slides under each seed; if `made` is 0, each of its images is new.
    """

    real: int
    made: int
    share: float
    shift: float = 0.0
    spread: float = 1.0
    seeds: int = 1
    per_slide: int = 10
    luck: float = 0.0

    def draw(self, rng: np.random.Generator) -> list[LeftOut]:
        """Return the distances of one set per seed from the same real images."""
        real = self._slides(self.real, rng)
        of_real = np.arange(self.real).repeat(self.per_slide)
        x = self._patches(real, of_real, rng, 1.0)
        made = self._slides(self.made or 80, rng) + self.shift
        found = []
        for _ in range(self.seeds):
            if not self.made:
                made = self._slides(80, rng) + self.shift
            of_made = np.arange(len(made)).repeat(self.per_slide if self.made else 1)
            y = self._patches(made, of_made, rng, self.spread) + self.luck * rng.normal(size=len(_SCALES))
            found.append(grouped_kernel_distance(x, y, of_real, of_made + self.real).left_out)
        return found

    def _slides(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return np.asarray(self.share**0.5 * rng.normal(size=(n, len(_SCALES))) * _SCALES)

    def _patches(self, slides: np.ndarray, of: np.ndarray, rng: np.random.Generator, spread: float) -> np.ndarray:
        within = rng.normal(size=(len(of), len(_SCALES))) * _SCALES
        return np.asarray(slides[of] + spread * (1 - self.share) ** 0.5 * within)


def coverage(world: World, trials: int) -> float:
    """Return how often the interval of nominal 95 % holds the distance, whose estimate is unbiased."""
    rngs: Iterator[np.random.Generator] = (np.random.default_rng(seed) for seed in range(trials))
    found = [interval_over_sources(world.draw(rng)) for rng in rngs]
    truth = float(np.mean([each.value for each in found]))
    return float(np.mean([each.low <= truth <= each.high for each in found]))
