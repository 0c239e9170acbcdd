"""Samplers: evaluation counts, exactness with a perfect predictor, per-image noise."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from methods.diffusion.config import DiffusionSettings, SamplerSettings
from methods.diffusion.sampling import NoiseSource, Sampler
from methods.diffusion.schedule import NoiseSchedule, betas

DIFFUSION = DiffusionSettings(learned_variance=False)
SCHEDULE = NoiseSchedule(betas(DIFFUSION))


def _sampler(diffusion: DiffusionSettings = DIFFUSION, **settings: object) -> Sampler:
    return Sampler(diffusion, SamplerSettings.model_validate(settings), SCHEDULE)


class _Counting:
    def __init__(self) -> None:
        self.times: list[int] = []

    def __call__(self, x: Tensor, time: int) -> Tensor:
        self.times.append(time)
        return torch.zeros_like(x)


@pytest.mark.parametrize("kind", ["ddim", "ancestral"])
def test_diffmix_makes_exactly_55_evaluations(kind: str) -> None:
    network, noise = _Counting(), NoiseSource([1])
    sampler = _sampler(kind=kind, steps=100)
    clean = torch.rand(1, 3, 4, 4)
    sampler.run(network, sampler.start(clean, noise, 55), noise, 55)
    assert network.times == list(range(540, -1, -10))
    assert len(network.times) == 55


def test_from_pure_noise_all_steps_run() -> None:
    network = _Counting()
    _sampler(steps=20).run(network, torch.randn(1, 3, 4, 4), NoiseSource([1]))
    assert network.times == list(range(950, -1, -50))


def test_no_steps_left_returns_the_clean_image() -> None:
    network, noise, clean = _Counting(), NoiseSource([1]), torch.rand(1, 3, 4, 4)
    sampler = _sampler()
    assert torch.equal(sampler.run(network, sampler.start(clean, noise, 0), noise, 0), clean)
    assert network.times == []


def test_start_is_noised_as_at_step_540() -> None:
    clean = torch.rand(1, 3, 4, 4) * 2 - 1
    drawn = NoiseSource([9]).draw((3, 4, 4))
    start = _sampler(steps=100).start(clean, NoiseSource([9]), 55)
    torch.testing.assert_close(start, 0.2259822389 * clean + np.sqrt(1 - 0.0510679723) * drawn)


@pytest.mark.parametrize("prediction", ["epsilon", "v", "edm"])
@pytest.mark.parametrize("count", [11, 20])
def test_ddim_with_a_perfect_predictor_recovers_the_image(
    prediction: Literal["epsilon", "v", "edm"], count: int
) -> None:
    diffusion = DiffusionSettings(learned_variance=False, prediction=prediction)
    sampler = _sampler(diffusion, steps=20)
    clean, noise = torch.rand(2, 3, 8, 8) * 2 - 1, NoiseSource([3, 4])
    drawn = NoiseSource([3, 4]).draw((3, 8, 8))
    form = sampler.parameterisation

    def oracle(x: Tensor, time: int) -> Tensor:
        return form.target(clean, drawn, time // 50)

    result = sampler.run(oracle, sampler.start(clean, noise, count), noise, count)
    torch.testing.assert_close(result, clean, atol=2e-3, rtol=0)


def test_clipping_bounds_the_image_and_derives_the_noise_again() -> None:
    # the estimate of the clean image is far out of range: clipped to 1, the rest of x counts as noise
    def blue(x: Tensor, time: int) -> Tensor:
        return torch.full_like(x, -100.0)

    x = torch.randn(1, 3, 4, 4)
    assert _sampler(steps=20).run(blue, x, NoiseSource([0])).unique().tolist() == [1.0]
    assert _sampler(steps=20, clip=False).run(blue, x, NoiseSource([0])).max() > 1
    one = _sampler(steps=20)
    level, before = one.schedule.alphas[19], one.schedule.previous[19]
    expected = np.sqrt(before) + np.sqrt(1 - before) * (x - np.sqrt(level)) / np.sqrt(1 - level)
    torch.testing.assert_close(one._ddim(torch.ones_like(x), x, None, 19, NoiseSource([0])), expected.float())


@pytest.mark.parametrize(("kind", "eta"), [("ddim", 1.0), ("ancestral", 0.0)])
def test_noise_of_an_image_does_not_depend_on_its_batch(kind: str, eta: float) -> None:
    sampler = _sampler(kind=kind, eta=eta, steps=10)

    def run(seeds: list[int]) -> Tensor:
        noise = NoiseSource(seeds)
        return sampler.run(_Counting(), noise.draw((3, 4, 4)), noise)

    together = run([5, 6, 7])
    torch.testing.assert_close(together[1:2], run([6]))
    assert not torch.allclose(together[0], together[1])


def test_ancestral_sampling_reaches_a_gaussian() -> None:
    # data N(0.2, 0.3^2), clean estimate E[x_0 | x_t] known in closed form
    mean, sd = 0.2, 0.3
    sampler = _sampler(kind="ancestral", steps=1000, clip=False)

    def best(x: Tensor, time: int) -> Tensor:
        a = SCHEDULE.alphas[time]
        gain = np.sqrt(a) * sd**2 / (a * sd**2 + 1 - a)
        clean = mean + gain * (x - np.sqrt(a) * mean)
        return (x - np.sqrt(a) * clean) / np.sqrt(1 - a)

    noise = NoiseSource([0])
    result = sampler.run(best, noise.draw((1, 64, 64)), noise)
    assert result.mean().item() == pytest.approx(mean, abs=0.02)
    assert result.std().item() == pytest.approx(sd, abs=0.02)
