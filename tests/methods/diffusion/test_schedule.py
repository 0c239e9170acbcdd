"""Noise schedules against published values and Bayes' rule."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.errors import ConfigError
from methods.diffusion.config import DiffusionSettings
from methods.diffusion.schedule import NoiseSchedule, at, betas, draw_times, time_weights

LINEAR = NoiseSchedule(betas(DiffusionSettings()))


def test_linear_schedule_of_sdm() -> None:
    assert LINEAR.alphas[540] == pytest.approx(0.0510679723, rel=1e-8)
    assert LINEAR.signal[540] == pytest.approx(0.2259822389, rel=1e-8)
    assert LINEAR.alphas[990] == pytest.approx(4.837e-5, rel=1e-3)
    assert LINEAR.betas.dtype == LINEAR.alphas.dtype == np.float64


@pytest.mark.parametrize(
    ("start", "end", "last"), [(0.0015, 0.0195, 1.423e-4), (0.00085, 0.012, 4.660e-3), (0.0015, 0.0155, 6.687e-4)]
)
def test_root_linear_schedules_of_latent_diffusion(start: float, end: float, last: float) -> None:
    settings = DiffusionSettings(schedule="sqrt-linear", beta_start=start, beta_end=end)
    assert NoiseSchedule(betas(settings)).alphas[999] == pytest.approx(last, rel=1e-3)


@pytest.mark.parametrize("kind", ["linear", "sqrt-linear"])
def test_fewer_steps_end_as_noisy(kind: str) -> None:
    full, short = (NoiseSchedule(betas(DiffusionSettings(schedule=kind, steps=steps))) for steps in (1000, 250))
    assert np.log(short.alphas[-1]) == pytest.approx(np.log(full.alphas[-1]), rel=0.05)


def test_too_few_steps_are_refused() -> None:
    with pytest.raises(ConfigError, match="more than 20"):
        betas(DiffusionSettings(steps=20))


def test_respaced_keeps_noise_levels() -> None:
    respaced = LINEAR.respaced(range(0, 1000, 10))
    assert len(respaced) == 100
    assert respaced.times[54] == 540
    np.testing.assert_allclose(respaced.alphas, LINEAR.alphas[::10], rtol=1e-12)
    again = respaced.respaced(range(0, 100, 5))
    assert again.times.tolist() == list(range(0, 1000, 50))


def test_posterior_follows_bayes() -> None:
    # q(x_{t-1} | x_t, x_0) is proportional to N(x_{t-1}; sqrt(a') x_0, 1 - a') N(x_t; sqrt(1 - b) x_{t-1}, b)
    step, clean, noisy = 300, 0.3, -0.7
    beta, before = LINEAR.betas[step], LINEAR.alphas[step - 1]
    precision = 1 / (1 - before) + (1 - beta) / beta
    mean = (np.sqrt(before) * clean / (1 - before) + np.sqrt(1 - beta) * noisy / beta) / precision
    assert LINEAR.variance[step] == pytest.approx(1 / precision, rel=1e-9)
    assert LINEAR.from_clean[step] * clean + LINEAR.from_noisy[step] * noisy == pytest.approx(mean, rel=1e-9)
    assert LINEAR.log_variance[0] == LINEAR.log_variance[1] == pytest.approx(np.log(LINEAR.variance[1]))


def test_add_noise_agrees_for_one_index_and_many() -> None:
    clean, noise = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    many = LINEAR.add_noise(clean, noise, torch.tensor([540, 10]))
    torch.testing.assert_close(many[:1], LINEAR.add_noise(clean[:1], noise[:1], 540))
    torch.testing.assert_close(many[0], 0.2259822389 * clean[0] + np.sqrt(1 - 0.0510679723) * noise[0])
    assert at(LINEAR.alphas, torch.tensor([1, 2]), clean).shape == (2, 1, 1, 1)


def test_times_are_weighted_as_asked() -> None:
    uniform = time_weights(LINEAR, DiffusionSettings())
    np.testing.assert_allclose(uniform, 1 / 1000)
    settings = DiffusionSettings(times="log-normal", log_sigma_mean=-0.4, log_sigma_sd=0.8)
    weights = time_weights(LINEAR, settings)
    log_sigma = np.log(np.sqrt((1 - LINEAR.alphas) / LINEAR.alphas))
    mean = float(weights @ log_sigma)
    assert weights.sum() == pytest.approx(1)
    assert mean == pytest.approx(-0.4, abs=0.02)
    assert np.sqrt(weights @ (log_sigma - mean) ** 2) == pytest.approx(0.8, abs=0.02)


def test_times_are_spread_and_seeded() -> None:
    weights = time_weights(LINEAR, DiffusionSettings())
    times = draw_times(weights, 8, np.random.default_rng(0))
    assert sorted((times // 125).tolist()) == list(range(8))
    assert times.tolist() != sorted(times.tolist())
    assert draw_times(weights, 8, np.random.default_rng(0)).tolist() == times.tolist()
    skewed = np.zeros(1000)
    skewed[[3, 700]] = 0.25, 0.75
    counts = np.bincount(draw_times(skewed, 400, np.random.default_rng(1)), minlength=1000)
    assert counts[3] == pytest.approx(100, abs=1)
    assert counts[700] == pytest.approx(300, abs=1)
