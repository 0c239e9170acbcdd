"""The hybrid loss against a brute-force variational bound."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from methods.diffusion.config import DiffusionSettings
from methods.diffusion.loss import diffusion_loss, variational_bound
from methods.diffusion.parameterisation import parameterise
from methods.diffusion.schedule import NoiseSchedule, betas
from methods.diffusion.variance import log_variance, split_output

SCHEDULE = NoiseSchedule(betas(DiffusionSettings()))
FORM = parameterise(DiffusionSettings(), SCHEDULE)


def _example(step: int) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(step)
    clean = torch.randint(0, 256, (1, 3, 4, 4), generator=generator) / 127.5 - 1
    noise, guess, logits = (torch.randn(1, 3, 4, 4, generator=generator) for _ in range(3))
    noisy = SCHEDULE.add_noise(clean, noise, step)
    return clean, noisy, guess, logits


def _reverse_normal(
    noisy: np.ndarray, guess: np.ndarray, logits: np.ndarray, step: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of p(x_{t-1} | x_t), from the definitions."""
    beta, alpha = SCHEDULE.betas[step], SCHEDULE.alphas[step]
    mean = (noisy - beta / np.sqrt(1 - alpha) * guess) / np.sqrt(1 - beta)  # DDPM, eq. 11
    lowest = max(step, 1)  # step 0, whose posterior has no variance, takes step 1's
    posterior = SCHEDULE.betas[lowest] * (1 - SCHEDULE.alphas[lowest - 1]) / (1 - SCHEDULE.alphas[lowest])
    share = (logits + 1) / 2
    return mean, np.exp((share * np.log(beta) + (1 - share) * np.log(posterior)) / 2)


@pytest.mark.parametrize("step", [1, 25, 700])
def test_bound_is_the_divergence_of_two_normals(step: int) -> None:
    from scipy.stats import norm

    clean, noisy, guess, logits = _example(step)
    mean, sd = _reverse_normal(*(t.double().numpy() for t in (noisy, guess, logits)), step)
    true_sd = np.sqrt(SCHEDULE.variance[step])
    true_mean = SCHEDULE.from_clean[step] * clean.numpy() + SCHEDULE.from_noisy[step] * noisy.numpy()
    # KL by quadrature, value by value
    grid = np.linspace(-10, 10, 20001)
    bits = []
    for m1, m2, s2 in zip(true_mean.ravel(), mean.ravel(), sd.ravel(), strict=True):
        x = m1 + true_sd * grid
        density = norm.pdf(grid)
        bits.append(np.trapezoid(density * (norm.logpdf(x, m1, true_sd) - norm.logpdf(x, m2, s2)), grid) / np.log(2))
    clean, noisy, guess, logits = _example(step)
    ours = variational_bound(FORM, clean, noisy, torch.tensor([step]), guess, logits)
    assert ours.item() == pytest.approx(np.mean(bits), rel=5e-3)


def test_first_step_is_the_likelihood_of_grey_levels() -> None:
    from scipy.stats import norm

    clean, noisy, guess, logits = _example(0)
    clean[0, 0, 0, :2] = torch.tensor([1.0, -1.0])
    guess = (noisy - SCHEDULE.signal[0] * clean) / SCHEDULE.noise[0] + 0.3 * guess
    mean, sd = _reverse_normal(*(t.double().numpy() for t in (noisy, guess, logits)), 0)
    upper = np.where(clean > 0.999, 1.0, norm.cdf((clean.numpy() + 1 / 255 - mean) / sd))
    lower = np.where(clean < -0.999, 0.0, norm.cdf((clean.numpy() - 1 / 255 - mean) / sd))
    bits = -np.log(np.maximum(upper - lower, 1e-12)).mean() / np.log(2)
    times = torch.tensor([0])
    assert variational_bound(FORM, clean, noisy, times, guess, logits).item() == pytest.approx(bits, rel=0.02)


def test_bound_trains_the_variance_alone() -> None:
    scale, logit = torch.ones(1, requires_grad=True), torch.zeros(1, requires_grad=True)

    def network(x: Tensor, times: Tensor) -> Tensor:
        return torch.cat([x * scale, torch.zeros_like(x) + logit], dim=1)

    clean = torch.rand(2, 3, 4, 4) * 2 - 1
    terms = diffusion_loss(network, FORM, clean, torch.tensor([3, 500]), torch.randn(2, 3, 4, 4), learned_variance=True)
    assert set(terms) == {"loss", "error", "bound"}
    torch.testing.assert_close(terms["loss"], terms["error"] + terms["bound"])
    (of_mean,) = torch.autograd.grad(terms["bound"], scale, retain_graph=True, allow_unused=True)
    (of_variance,) = torch.autograd.grad(terms["bound"], logit)
    assert of_mean is None or of_mean.item() == 0
    assert of_variance.abs().item() > 0


def test_log_variance_lies_between_its_bounds() -> None:
    like = torch.zeros(1, 3, 1, 1)
    low, high = np.log(SCHEDULE.variance[100]), np.log(SCHEDULE.betas[100])
    assert log_variance(like - 1, SCHEDULE, 100, like)[0, 0].item() == pytest.approx(low)
    assert log_variance(like + 1, SCHEDULE, 100, like)[0, 0].item() == pytest.approx(high)
    assert log_variance(None, SCHEDULE, 100, like)[0, 0].item() == pytest.approx(low)


def test_split_output() -> None:
    output = torch.arange(6.0).view(1, 6, 1, 1)
    prediction, logits = split_output(output, learned=True)
    assert logits is not None
    assert (prediction.flatten().tolist(), logits.flatten().tolist()) == ([0, 1, 2], [3, 4, 5])
    assert split_output(output, learned=False)[1] is None


def test_absolute_error() -> None:

    parameterisation = parameterise(DiffusionSettings(learned_variance=False), SCHEDULE)
    clean, noise, times = torch.rand(2, 3, 4, 4), torch.randn(2, 3, 4, 4), torch.tensor([10, 900])
    found = {
        norm: diffusion_loss(
            lambda x, _: torch.zeros_like(x), parameterisation, clean, times, noise, learned_variance=False, norm=norm
        )["loss"]
        for norm in ("mse", "l1")
    }
    torch.testing.assert_close(found["l1"], noise.abs().mean())
    torch.testing.assert_close(found["mse"], (noise**2).mean())
