"""Guidance by a classifier: its gradient, its place in a DDIM step, and the released look-up."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from methods.diffusion.config import DiffusionSettings, SamplerSettings
from methods.diffusion.guidance import LevelIndex, classifier_score
from methods.diffusion.sampling import NoiseSource, Sampler
from methods.diffusion.schedule import NoiseSchedule, betas

LATENT = {"schedule": "sqrt-linear", "beta_start": 0.0015, "beta_end": 0.0155, "learned_variance": False}
PREDICTIONS = ("epsilon", "v", "edm")


def _diffusion(prediction: str = "epsilon") -> DiffusionSettings:
    return DiffusionSettings.model_validate({**LATENT, "prediction": prediction, "sigma_data": 1.0})


def _sampler(steps: int, prediction: str = "epsilon", eta: float = 0.0) -> Sampler:
    diffusion = _diffusion(prediction)
    settings = SamplerSettings(steps=steps, eta=eta, clip=False)
    return Sampler(diffusion, settings, NoiseSchedule(betas(diffusion)))


class _TwoSided:
    """Class 1 where the mean is positive: log p(1 | x) = log sigmoid(2 mean)."""

    def __init__(self) -> None:
        self.times: list[int] = []

    def __call__(self, x: Tensor, times: Tensor) -> Tensor:
        self.times.append(int(times[0]))
        mean = x.mean(dim=(1, 2, 3))
        return torch.stack([-mean, mean], dim=1)


def test_the_gradient_is_that_of_the_log_probability() -> None:
    x, labels = torch.randn(4, 3, 4, 4), torch.tensor([0, 1, 1, 0])
    score = classifier_score(_TwoSided(), labels, 3.0, _sampler(20).schedule)
    assert score is not None
    mean = x.mean(dim=(1, 2, 3))
    sign = torch.where(labels == 1, 1.0, -1.0)
    expected = 3.0 * 2 * sign * torch.sigmoid(-2 * sign * mean) / (3 * 4 * 4)
    with torch.no_grad():  # as samplers run
        found = score(x, 7)
    torch.testing.assert_close(found, expected.view(-1, 1, 1, 1).expand_as(x))


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_every_parameterisation_is_shifted_as_the_noise_is(prediction: str) -> None:
    """One step from the last index equals DDIM's, written out, on e - sqrt(1 - a) score."""
    sampler, x = _sampler(20, prediction), torch.randn(2, 3, 4, 4)
    shift, output, index = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4), 19
    a, before = sampler.schedule.alphas[index], sampler.schedule.alphas[index - 1]
    clean = sampler.parameterisation.clean(output, x, index)
    noise = (x - a**0.5 * clean) / (1 - a) ** 0.5 - (1 - a) ** 0.5 * shift
    expected = before**0.5 * (x - (1 - a) ** 0.5 * noise) / a**0.5 + (1 - before) ** 0.5 * noise

    seen: list[Tensor] = []

    def score(now: Tensor, at: int) -> Tensor:
        if at == index - 1:
            seen.append(now)
        return shift if at == index else torch.zeros_like(now)

    sampler.run(lambda *_: output, x, NoiseSource([1, 2]), score=score)
    torch.testing.assert_close(seen[0], expected.to(x), rtol=1e-4, atol=1e-4)


def test_no_guidance_asks_no_classifier() -> None:
    assert classifier_score(_TwoSided(), torch.tensor([0]), 0.0, _sampler(20).schedule) is None


@pytest.mark.parametrize("noised", [True, False])
def test_what_the_classifier_is_told(noised: bool) -> None:
    classifier, sampler = _TwoSided(), _sampler(20)
    score = classifier_score(classifier, torch.tensor([1]), 1.0, sampler.schedule, noised=noised)
    sampler.run(lambda x, _: torch.zeros_like(x), torch.randn(1, 3, 4, 4), NoiseSource([1]), score=score)
    assert classifier.times == (list(range(950, -1, -50)) if noised else [0] * 20)


@pytest.mark.parametrize(("steps", "same"), [(50, True), (100, False)])
def test_the_released_look_up_is_right_at_50_steps_alone(steps: int, same: bool) -> None:
    x, found = torch.randn(1, 3, 4, 4), []
    indices: tuple[LevelIndex, ...] = ("step", "t//20")
    for level in indices:
        score = classifier_score(_TwoSided(), torch.tensor([1]), 1.0, _sampler(steps).schedule, level_index=level)
        assert score is not None
        found.append(score(x, steps // 2))
    assert torch.allclose(*found) is same


def test_guidance_samples_the_class_of_a_known_mixture() -> None:
    """Exact score and exact classifier of N(-2, .1) and N(2, .1): scale 1 draws from the class that was asked."""
    sampler, n = _sampler(100), 400
    schedule, spread = sampler.schedule, 0.1

    def level(time: int) -> tuple[float, float]:
        place = int(np.flatnonzero(schedule.times == time)[0])
        return float(schedule.signal[place]), float(schedule.noise[place])

    def logits(x: Tensor, times: Tensor) -> Tensor:
        signal, noise = level(int(times[0]))
        variance = signal**2 * spread + noise**2
        return torch.stack([-((x - signal * m) ** 2).sum((1, 2, 3)) / 2 / variance for m in (-2.0, 2.0)], dim=1)

    def epsilon(x: Tensor, time: int) -> Tensor:
        signal, noise = level(time)
        variance = signal**2 * spread + noise**2
        share = torch.softmax(logits(x, torch.tensor([time])), dim=1)
        mean = signal * 2 * (share[:, 1] - share[:, 0])
        return noise * (x - mean.view(-1, 1, 1, 1)) / variance

    x = NoiseSource(range(n)).draw((1, 1, 1))
    labels = torch.arange(n) % 2
    plain = sampler.run(epsilon, x, NoiseSource(range(n))).flatten()
    assert 0.35 < float(((plain > 0) == (labels == 1)).float().mean()) < 0.65
    score = classifier_score(logits, labels, 1.0, schedule)
    drawn = sampler.run(epsilon, x, NoiseSource(range(n)), score=score).flatten()
    assert ((drawn > 0) == (labels == 1)).float().mean() > 0.99
    assert float(drawn[labels == 1].mean()) == pytest.approx(2.0, abs=0.1)
    assert float(drawn[labels == 1].var()) == pytest.approx(spread, abs=0.04)
