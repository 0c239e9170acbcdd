"""Samplers: DDIM and ancestral, from pure noise or from a noised image."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from methods.diffusion.config import DiffusionSettings, SamplerSettings
from methods.diffusion.parameterisation import Parameterisation, parameterise
from methods.diffusion.respacing import strided
from methods.diffusion.schedule import NoiseSchedule
from methods.diffusion.variance import log_variance, split_output

Predict = Callable[[Tensor, int], Tensor]
"""(network input, step of the full schedule) -> network output; see `guidance.guided`."""

Score = Callable[[Tensor, int], Tensor]
"""(x_t, index of the respaced schedule) -> summand for the score of x_t; see `guidance.classifier_score`."""


class NoiseSource:
    """Standard normal noise for a batch; the noise of each image comes from its own seed on every device."""

    def __init__(self, seeds: Sequence[int], device: torch.device | str = "cpu") -> None:
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._device = device

    def draw(self, shape: Sequence[int]) -> Float[Tensor, "n *shape"]:
        """Draw the next noise of `shape` for each image."""
        return torch.stack([torch.randn(*shape, generator=g) for g in self._generators]).to(self._device)


class Sampler:
    """Runs the reverse process on a respaced schedule; every step is one call of the predictor."""

    def __init__(
        self,
        diffusion: DiffusionSettings,
        sampler: SamplerSettings,
        schedule: NoiseSchedule,
        centre: Tensor | float = 0.0,
    ) -> None:
        self.settings = sampler
        self.learned_variance = diffusion.learned_variance
        self.schedule = schedule.respaced(strided(len(schedule), sampler.steps))
        self.parameterisation: Parameterisation = parameterise(diffusion, self.schedule, centre)

    def start(self, clean: Float[Tensor, "n c h w"], noise: NoiseSource, count: int) -> Float[Tensor, "n c h w"]:
        """Noise clean images so that `count` steps remain; if none remain, return the images unchanged."""
        if count == 0:
            return clean
        return self.schedule.add_noise(clean, noise.draw(clean.shape[1:]), count - 1)

    @torch.no_grad()
    def run(
        self,
        predict: Predict,
        x: Float[Tensor, "n c h w"],
        noise: NoiseSource,
        count: int | None = None,
        score: Score | None = None,
    ) -> Float[Tensor, "n c h w"]:
        """Return clean images from `x`, which is as noisy as at index count - 1 (by default the last index).

        This takes `count` evaluations. With `score`, the noise that the network predicts becomes
        e - sqrt(1 - a_t) score (Dhariwal and Nichol 2021, algorithm 2), whatever the output of the network means.
        """
        step = self._ddim if self.settings.kind == "ddim" else self._ancestral
        for index in reversed(range(len(self.schedule) if count is None else count)):
            time = int(self.schedule.times[index])
            output = predict(self.parameterisation.network_input(x, index), time)
            prediction, logits = split_output(output, self.learned_variance)
            clean = self.parameterisation.clean(prediction, x, index)
            if score is not None:
                share = (1 - self.schedule.alphas[index]) / self.schedule.signal[index]
                clean = clean + float(share) * score(x, index)
            if self.settings.clip:
                clean = clean.clamp(-1, 1)
            x = step(clean, x, logits, index, noise)
        return x

    def _ddim(self, clean: Tensor, x: Tensor, logits: Tensor | None, index: int, noise: NoiseSource) -> Tensor:
        """Take a step of DDIM, eq. 12; the noise is derived again from the clipped estimate, as in the release."""
        level, previous = float(self.schedule.alphas[index]), float(self.schedule.previous[index])
        direction = self.parameterisation.noise(clean, x, index)
        sigma = self.settings.eta * ((1 - previous) / (1 - level) * (1 - level / previous)) ** 0.5
        x = previous**0.5 * clean + (1 - previous - sigma**2) ** 0.5 * direction
        return x + sigma * noise.draw(x.shape[1:]) if sigma > 0 and index > 0 else x

    def _ancestral(self, clean: Tensor, x: Tensor, logits: Tensor | None, index: int, noise: NoiseSource) -> Tensor:
        """Take a step of DDPM, algorithm 2, with the learned variance if there is one."""
        mean = self.schedule.posterior_mean(clean, x, index)
        if index == 0:
            return mean
        spread = log_variance(logits, self.schedule, index, x)
        return mean + torch.exp(0.5 * spread) * noise.draw(x.shape[1:])
