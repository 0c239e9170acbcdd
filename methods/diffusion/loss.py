"""The training loss: squared error, and the variational bound for a learned variance."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from methods.diffusion.parameterisation import Parameterisation
from methods.diffusion.variance import log_variance, split_output

# half of the width of one grey level of an image in [-1, 1]
HALF_LEVEL = 1 / 255


def diffusion_loss(
    network: Callable[[Tensor, Tensor], Tensor],
    parameterisation: Parameterisation,
    clean: Float[Tensor, "n c h w"],
    times: Int64[Tensor, " n"],
    noise: Float[Tensor, "n c h w"],
    *,
    learned_variance: bool,
    norm: Literal["mse", "l1"] = "mse",
) -> dict[str, Tensor]:
    """Return `loss` and its terms for a batch of clean images, each at its own step.

    The loss is the squared error of the prediction. With a learned variance the variational bound is added, in bits
    per dimension; its mean is detached, so that it trains only the variance (improved DDPM, eq. 16, without the factor
    .001, because SDM's release weights both terms by 1).

    Args:
        network: called with its input and the steps.
        parameterisation: that of the full schedule.
        clean: images in [-1, 1].
        times: step of each image.
        noise: standard normal noise.
        learned_variance: whether the output has variance logits after the prediction.
        norm: squared or absolute error; configurations of latent diffusion may use the latter.
    """
    noisy = parameterisation.schedule.add_noise(clean, noise, times)
    output = network(parameterisation.network_input(noisy, times), times)
    prediction, logits = split_output(output, learned_variance)
    difference = prediction - parameterisation.target(clean, noise, times)
    error = difference.abs().mean() if norm == "l1" else torch.mean(difference**2)
    if logits is None:
        return {"loss": error}
    bound = variational_bound(parameterisation, clean, noisy, times, prediction.detach(), logits).mean()
    return {"loss": error + bound, "error": error, "bound": bound}


def variational_bound(
    parameterisation: Parameterisation,
    clean: Tensor,
    noisy: Tensor,
    times: Tensor,
    prediction: Tensor,
    logits: Tensor,
) -> Float[Tensor, " n"]:
    """Return the term of the variational bound of each image, in bits per dimension (DDPM, eq. 5).

    The term is KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t)) for t > 0, and the negative log-likelihood of the image's
    grey levels for t = 0.
    """
    schedule = parameterisation.schedule
    mean = schedule.posterior_mean(parameterisation.clean(prediction, noisy, times), noisy, times)
    spread = log_variance(logits, schedule, times, noisy)
    true_mean = schedule.posterior_mean(clean, noisy, times)
    true_spread = log_variance(None, schedule, times, noisy)
    divergence = _gaussian_kl(true_mean, true_spread, mean, spread)
    likelihood = -_grey_level_log_likelihood(clean, mean, spread)
    first = (times == 0).view(-1, 1, 1, 1)
    return torch.where(first, likelihood, divergence).mean(dim=(1, 2, 3)) / math.log(2)


def _gaussian_kl(mean1: Tensor, log_variance1: Tensor, mean2: Tensor, log_variance2: Tensor) -> Tensor:
    ratio = log_variance1 - log_variance2
    return 0.5 * (torch.exp(ratio) - 1 - ratio + (mean1 - mean2) ** 2 * torch.exp(-log_variance2))


def _grey_level_log_likelihood(clean: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the log-probability of the grey level of each value under a normal; outer levels extend to infinity."""
    centred, inverse = clean - mean, torch.exp(-0.5 * log_variance)
    upper = _normal_cdf(inverse * (centred + HALF_LEVEL))
    lower = _normal_cdf(inverse * (centred - HALF_LEVEL))
    upper = torch.where(clean > 0.999, torch.ones_like(upper), upper)
    lower = torch.where(clean < -0.999, torch.zeros_like(lower), lower)
    return torch.log((upper - lower).clamp(min=1e-12))


def _normal_cdf(x: Tensor) -> Tensor:
    return 0.5 * (1 + torch.erf(x / math.sqrt(2)))
