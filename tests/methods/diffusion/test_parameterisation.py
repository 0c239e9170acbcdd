"""Parameterisations against their definitions."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import Tensor

from methods.diffusion.config import DiffusionSettings
from methods.diffusion.parameterisation import parameterise
from methods.diffusion.schedule import NoiseSchedule, betas

SCHEDULE = NoiseSchedule(betas(DiffusionSettings()))
TIMES = torch.tensor([0, 30, 540, 999])


def _batch() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    clean = torch.rand(4, 3, 5, 5, generator=generator) * 2 - 1
    noise = torch.randn(4, 3, 5, 5, generator=generator)
    return clean, noise, SCHEDULE.add_noise(clean, noise, TIMES)


@pytest.mark.parametrize("prediction", ["epsilon", "v", "edm"])
def test_the_target_gives_image_and_noise_back(prediction: Literal["epsilon", "v", "edm"]) -> None:
    clean, noise, noisy = _batch()
    centre = torch.tensor([0.6, 0.4, 0.7]).view(1, 3, 1, 1)
    form = parameterise(DiffusionSettings(prediction=prediction), SCHEDULE, centre)
    target = form.target(clean, noise, TIMES)
    recovered = form.clean(target, noisy, TIMES)
    torch.testing.assert_close(recovered, clean, atol=1e-3, rtol=0)
    torch.testing.assert_close(form.noise(clean, noisy, TIMES), noise, atol=1e-3, rtol=0)


def test_epsilon_is_the_noise_and_v_the_velocity() -> None:
    clean, noise, noisy = _batch()
    epsilon, v = (parameterise(DiffusionSettings(prediction=name), SCHEDULE) for name in ("epsilon", "v"))
    torch.testing.assert_close(epsilon.target(clean, noise, TIMES), noise)
    assert torch.equal(epsilon.network_input(noisy, TIMES), noisy)
    signal = torch.tensor(SCHEDULE.signal, dtype=torch.float32)[TIMES].view(-1, 1, 1, 1)
    level = torch.tensor(SCHEDULE.noise, dtype=torch.float32)[TIMES].view(-1, 1, 1, 1)
    torch.testing.assert_close(v.target(clean, noise, TIMES), signal * noise - level * clean)


def test_edm_is_karras_preconditioning() -> None:
    clean, noise, noisy = _batch()
    form = parameterise(DiffusionSettings(prediction="edm", sigma_data=0.5), SCHEDULE)
    alphas = torch.tensor(SCHEDULE.alphas)[TIMES].view(-1, 1, 1, 1)
    sigma = ((1 - alphas) / alphas).sqrt()
    exploding = clean + sigma * noise  # the image as EDM noises it
    total = sigma**2 + 0.25
    torch.testing.assert_close(form.network_input(noisy, TIMES).double(), exploding / total.sqrt(), atol=1e-5, rtol=0)
    expected = (clean - 0.25 / total * exploding) / (sigma * 0.5 / total.sqrt())
    torch.testing.assert_close(form.target(clean, noise, TIMES).double(), expected, atol=1e-3, rtol=1e-3)


def test_edm_of_unit_data_is_minus_v() -> None:
    clean, noise, _ = _batch()
    edm, v = (
        parameterise(DiffusionSettings(prediction=name, sigma_data=1.0), SCHEDULE).target(clean, noise, TIMES)
        for name in ("edm", "v")
    )
    torch.testing.assert_close(edm, -v)


def test_edm_input_and_target_have_unit_variance_at_every_level() -> None:
    generator = torch.Generator().manual_seed(1)
    centre = torch.tensor([0.6, 0.4, 0.7]).view(1, 3, 1, 1)
    clean = centre + 0.3 * torch.randn(1, 3, 64, 64, generator=generator)
    noise = torch.randn(1, 3, 64, 64, generator=generator)
    form = parameterise(DiffusionSettings(prediction="edm", sigma_data=0.3), SCHEDULE, centre)
    for index in (1, 200, 540, 999):
        seen = form.network_input(SCHEDULE.add_noise(clean, noise, index), index)
        assert seen.std().item() == pytest.approx(1, abs=0.03)
        assert form.target(clean, noise, index).std().item() == pytest.approx(1, abs=0.03)
        assert seen.mean().abs().item() < 0.03
