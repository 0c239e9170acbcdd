"""The meaning of the network's output: the noise (epsilon), the velocity (v), or EDM's preconditioned residual.

All three are one affine form. With y = x_t - signal * centre, the input of the network is `scale_in` y, and the clean
image is centre + `skip` y + `scale_out` output. The noise level and the noisy image are those of the
variance-preserving schedule, so samplers and guidance are the same for all three.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64
from torch import Tensor

from methods.diffusion.config import DiffusionSettings
from methods.diffusion.schedule import NoiseSchedule, at


@dataclass(frozen=True)
class Parameterisation:
    """Coefficients for each index of a schedule; `centre` is the mean colour that edm subtracts, 0 for the others."""

    schedule: NoiseSchedule
    scale_in: Float64[np.ndarray, " t"]
    skip: Float64[np.ndarray, " t"]
    scale_out: Float64[np.ndarray, " t"]
    centre: Float[Tensor, "1 c 1 1"] | float = 0.0

    def network_input(self, noisy: Tensor, index: int | Tensor) -> Tensor:
        """Return the network's input for x_t."""
        return at(self.scale_in, index, noisy) * self._centred(noisy, index)

    def clean(self, output: Tensor, noisy: Tensor, index: int | Tensor) -> Tensor:
        """Return the estimate of x_0 that an output for x_t represents."""
        centred = self._centred(noisy, index)
        return self.centre + at(self.skip, index, noisy) * centred + at(self.scale_out, index, noisy) * output

    def noise(self, clean: Tensor, noisy: Tensor, index: int | Tensor) -> Tensor:
        """Return the noise that leads from an estimate of x_0 to x_t."""
        return (noisy - at(self.schedule.signal, index, noisy) * clean) / at(self.schedule.noise, index, noisy)

    def target(self, clean: Tensor, noise: Tensor, index: int | Tensor) -> Tensor:
        """Return the output that would give `clean` exactly; it has unit variance for edm, as noise has for epsilon."""
        signal, level = self.schedule.signal, self.schedule.noise
        of_clean, of_noise = (1 - self.skip * signal) / self.scale_out, -self.skip * level / self.scale_out
        return at(of_clean, index, clean) * (clean - self.centre) + at(of_noise, index, clean) * noise

    def _centred(self, noisy: Tensor, index: int | Tensor) -> Tensor:
        return noisy - at(self.schedule.signal, index, noisy) * self.centre


def parameterise(
    settings: DiffusionSettings, schedule: NoiseSchedule, centre: Float[Tensor, "1 c 1 1"] | float = 0.0
) -> Parameterisation:
    """Return the coefficients of the prediction in the settings, for a full or respaced schedule.

    epsilon is DDPM, eq. 11. v = signal * noise - level * clean is Salimans and Ho 2022, section 4. edm is Karras et
    al. 2022, table 1, with sigma = level / signal; with sigma_data 1 it is v with the opposite sign.
    """
    signal, level = schedule.signal, schedule.noise
    if settings.prediction == "epsilon":
        return Parameterisation(schedule, np.ones_like(signal), 1 / signal, -level / signal)
    if settings.prediction == "v":
        return Parameterisation(schedule, np.ones_like(signal), signal, -level)
    return _edm(settings, schedule, centre)


def _edm(
    settings: DiffusionSettings, schedule: NoiseSchedule, centre: Float[Tensor, "1 c 1 1"] | float
) -> Parameterisation:
    """Return EDM's coefficients, with our own skip if `sigma_skip` is set.

    The published skip is sigma_data^2 / (sigma^2 + sigma_data^2), which is best for an image whose pixels are
    independent of each other. Up to sigma_data, the network must copy the noise to cancel it. After few training steps
    it does this badly, and grain remains. Details have far less variance than the image; with the skip for that
    variance, the network predicts the clean image itself above that level. The scale of the output keeps the variance
    of the target at 1.
    """
    signal, level, data = schedule.signal, schedule.noise, settings.sigma_data
    detail = settings.sigma_data if settings.sigma_skip is None else settings.sigma_skip
    share = (signal * detail) ** 2 / (level**2 + (signal * detail) ** 2)
    scale_out = np.sqrt(((1 - share) * data) ** 2 + (share * level / signal) ** 2)
    return Parameterisation(schedule, 1 / np.sqrt(level**2 + (signal * data) ** 2), share / signal, scale_out, centre)
