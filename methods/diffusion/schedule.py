"""Noise schedules: how much of the image remains at each step. Tables are float64 and computed once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, Int64

from bench.errors import ConfigError
from methods.diffusion.config import FULL_STEPS, DiffusionSettings

if TYPE_CHECKING:
    from torch import Tensor


def betas(settings: DiffusionSettings) -> Float64[np.ndarray, " t"]:
    """Return the variance that each step adds, in (0, 1).

    `linear` rises evenly from `beta_start` to `beta_end`; `sqrt-linear` is linear in the square root (latent
    diffusion). The published ends hold for 1000 steps. With fewer steps each step adds more, beta 1000 / steps, so that
    the last step is equally noisy (improved DDPM's `get_named_beta_schedule` does this for `linear`).

    Raises:
        ConfigError: there are so few steps that a scaled beta reaches 1.
    """
    scale = FULL_STEPS / settings.steps
    start, end = scale * settings.beta_start, scale * settings.beta_end
    if end >= 1:
        raise ConfigError(
            f"The number of diffusion steps must be more than {FULL_STEPS * settings.beta_end:.0f} for "
            f"beta_end {settings.beta_end}",
            got=str(settings.steps),
        )
    if settings.schedule == "linear":
        return np.linspace(start, end, settings.steps, dtype=np.float64)
    return np.linspace(start**0.5, end**0.5, settings.steps, dtype=np.float64) ** 2


class NoiseSchedule:
    """The process x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) noise, where a_t is the product of 1 - beta up to step t.

    `times[i]` is the step of the full schedule that index i represents, and the step that the network gets.
    `log_variance` is that of the posterior q(x_{t-1} | x_t, x_0); for step 0, whose variance is 0, it is that of step 1
    (DDPM, eq. 7; improved DDPM clips in the same way).
    """

    def __init__(self, betas: Float64[np.ndarray, " t"], times: Int64[np.ndarray, " t"] | None = None) -> None:
        self.betas = np.asarray(betas, np.float64)
        self.times = np.arange(len(self.betas)) if times is None else np.asarray(times, np.int64)
        self.alphas = np.cumprod(1 - self.betas)
        self.previous = np.append(1.0, self.alphas[:-1])
        self.signal, self.noise = np.sqrt(self.alphas), np.sqrt(1 - self.alphas)
        self.variance = self.betas * (1 - self.previous) / (1 - self.alphas)
        floor = self.variance[1] if len(self.betas) > 1 else self.betas[0]
        self.log_variance = np.log(np.append(floor, self.variance[1:]))
        self.from_clean = self.betas * np.sqrt(self.previous) / (1 - self.alphas)
        self.from_noisy = (1 - self.previous) * np.sqrt(1 - self.betas) / (1 - self.alphas)

    def __len__(self) -> int:
        return len(self.betas)

    def respaced(self, times: Sequence[int]) -> NoiseSchedule:
        """Return the schedule of only some of the steps, with the noise levels that they had."""
        kept = self.alphas[list(times)]
        return NoiseSchedule(1 - kept / np.append(1.0, kept[:-1]), self.times[list(times)])

    def add_noise(self, clean: Tensor, noise: Tensor, index: int | Tensor) -> Tensor:
        """Return x_t: `clean`, (n, c, h, w) in [-1, 1], as noisy as at `index`."""
        return at(self.signal, index, clean) * clean + at(self.noise, index, clean) * noise

    def posterior_mean(self, clean: Tensor, noisy: Tensor, index: int | Tensor) -> Tensor:
        """Return the mean of q(x_{t-1} | x_t, x_0) (DDPM, eq. 7)."""
        return at(self.from_clean, index, clean) * clean + at(self.from_noisy, index, clean) * noisy


def at(table: Float64[np.ndarray, " t"], index: int | Tensor, like: Tensor) -> float | Tensor:
    """Return a table's value: a number for one index; (n, 1, 1, 1) on the device of `like` for one index per image."""
    if isinstance(index, int):
        return float(table[index])
    import torch

    column = torch.as_tensor(table, dtype=torch.float32).to(like.device)
    return column[index].view(-1, *[1] * (like.ndim - 1))


def time_weights(schedule: NoiseSchedule, settings: DiffusionSettings) -> Float64[np.ndarray, " t"]:
    """Return how often each step is trained; the weights sum to 1.

    With `log-normal`, the weight of a step is the normal density of EDM at ln sigma, where sigma = sqrt((1 - a) / a)
    (Karras et al. 2022, table 1), times the width of the step there. A short training then spends most of its steps on
    the levels that matter.
    """
    if settings.times == "uniform":
        return np.full(len(schedule), 1 / len(schedule))
    log_sigma = np.log(schedule.noise / schedule.signal)
    z = (log_sigma - settings.log_sigma_mean) / settings.log_sigma_sd
    weights = np.exp(-(z**2) / 2) * np.gradient(log_sigma)
    return np.asarray(weights / weights.sum())


def draw_times(weights: Float64[np.ndarray, " t"], n: int, rng: np.random.Generator) -> Int64[np.ndarray, " n"]:
    """Draw a step for each image of a batch, one from each of n slices of equal weight, in random order.

    The step of each image has the distribution `weights`, as with independent draws, but the batch's loss varies less.
    """
    places = (np.arange(n) + rng.random(n)) / n
    times = np.searchsorted(np.cumsum(weights), places, side="right")
    return rng.permutation(np.minimum(times, len(weights) - 1))
