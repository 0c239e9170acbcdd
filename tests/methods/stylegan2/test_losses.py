"""Losses and regularisers against closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from methods.stylegan2.config import NetworkSettings
from methods.stylegan2.discriminator import Discriminator
from methods.stylegan2.generator import Generator
from methods.stylegan2.losses import discriminator_loss, generator_loss, path_lengths, path_penalty, r1_penalty

SMALL = NetworkSettings(latent=4, mapping_layers=1, channel_base=16, channel_max=4, statistic_group=2)


def _random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_adversarial_losses_are_logistic() -> None:
    real, fake = _random(50), _random(50, seed=1)
    assert generator_loss(fake) == pytest.approx(float(-torch.log(torch.sigmoid(fake)).mean()))
    wanted = -torch.log(torch.sigmoid(real)).mean() - torch.log(1 - torch.sigmoid(fake)).mean()
    assert discriminator_loss(real, fake) == pytest.approx(float(wanted))
    # an undecided discriminator
    assert discriminator_loss(torch.zeros(1), torch.zeros(1)) == pytest.approx(2 * math.log(2))
    # does not saturate: a fake that is seen through still gives a slope of -1
    sure = torch.tensor([-30.0], requires_grad=True)
    generator_loss(sure).backward()
    assert sure.grad is not None
    assert float(sure.grad) == pytest.approx(-1.0)


def test_r1_of_a_linear_discriminator_is_the_norm_of_its_weights() -> None:
    a = _random(3 * 4 * 4).requires_grad_()
    penalty = r1_penalty(lambda images: images.flatten(1) @ a, _random(5, 3, 4, 4, seed=1))
    assert penalty.item() == pytest.approx(float(a.detach().square().sum()))
    (gradient,) = torch.autograd.grad(penalty, a)
    torch.testing.assert_close(gradient, 2 * a.detach())


def test_r1_of_a_quadratic_discriminator() -> None:
    matrix = _random(12, 12)
    matrix = (matrix + matrix.T).requires_grad_()
    images = _random(6, 3, 2, 2, seed=1)
    x = images.flatten(1)
    penalty = r1_penalty(lambda seen: 0.5 * ((seen.flatten(1) @ matrix) * seen.flatten(1)).sum(1), images)
    expected = (x @ matrix).square().sum(1).mean()
    assert penalty.item() == pytest.approx(expected.item())
    (gradient,) = torch.autograd.grad(penalty, matrix)
    (wanted,) = torch.autograd.grad(expected, matrix)
    # the score knows the symmetric part of the matrix alone
    torch.testing.assert_close(gradient, (wanted + wanted.T) / 2)


def test_path_lengths_of_a_linear_generator() -> None:
    jacobian = _random(3, 3 * 4 * 2, 5)  # layers, values, dimensions
    w = _random(6, 3, 5, seed=1).requires_grad_()
    images = torch.einsum("lvd,nld->nv", jacobian, w).view(6, 3, 4, 2)
    lengths = path_lengths(images, w, torch.Generator().manual_seed(7))
    noise = torch.randn(6, 3, 4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(7)) / math.sqrt(8)
    expected = torch.einsum("lvd,nv->nld", jacobian, noise.flatten(1)).square().sum(2).mean(1).sqrt()
    torch.testing.assert_close(lengths, expected)


def test_mean_squared_path_length_is_the_norm_of_the_jacobian() -> None:
    jacobian = _random(3 * 4 * 4, 5)
    w = _random(4000, 1, 5, seed=1).requires_grad_()
    images = (w[:, 0] @ jacobian.T).view(-1, 3, 4, 4)
    lengths = path_lengths(images, w, torch.Generator().manual_seed(0))
    assert float(lengths.square().mean()) == pytest.approx(float(jacobian.square().sum() / 16), rel=0.05)


def test_path_penalty_follows_its_running_mean() -> None:
    lengths = torch.tensor([1.0, 3.0], requires_grad=True)
    penalty, mean = path_penalty(lengths, torch.tensor(1.0), 0.01)
    assert mean.item() == pytest.approx(1.01)
    assert penalty.item() == pytest.approx(((1 - 1.01) ** 2 + (3 - 1.01) ** 2) / 2)
    (gradient,) = torch.autograd.grad(penalty, lengths)
    torch.testing.assert_close(gradient, torch.tensor([1 - 1.01, 3 - 1.01]))
    assert not mean.requires_grad


def _slope(
    function: Callable[[], torch.Tensor], parameter: torch.Tensor, place: tuple[int, ...], step: float = 1e-5
) -> float:
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            parameter[place] += sign * step
        values.append(function().item())
        with torch.no_grad():
            parameter[place] -= sign * step
    return (values[0] - values[1]) / (2 * step)


def test_path_penalty_can_be_differentiated_through_the_generator() -> None:
    torch.manual_seed(0)
    generator = Generator(8, 2, SMALL).double()
    noise = [torch.randn(2, 1, size, size, dtype=torch.float64) for size in generator.synthesis.noise_sizes]
    w = _random(2, generator.synthesis.layers, 4).requires_grad_()

    def penalty() -> torch.Tensor:
        lengths = path_lengths(generator.synthesis(w, noise), w, torch.Generator().manual_seed(3))
        return path_penalty(lengths, torch.tensor(0.1, dtype=torch.float64), 0.01)[0]

    for parameter, place in (
        (generator.synthesis.blocks[1].convolutions[0].weight, (1, 2, 0, 1)),
        (generator.synthesis.blocks[0].convolutions[0].style.weight, (0, 1)),
        (generator.synthesis.blocks[1].to_rgb.weight, (2, 1, 0, 0)),
    ):
        (gradient,) = torch.autograd.grad(penalty(), parameter)
        # the running mean is no function of the weights for the gradient: undo its share of the numerical slope
        fixed = path_lengths(generator.synthesis(w, noise), w, torch.Generator().manual_seed(3)).detach().mean()
        target = torch.lerp(torch.tensor(0.1, dtype=torch.float64), fixed, 0.01)

        def held(target: torch.Tensor = target) -> torch.Tensor:
            lengths = path_lengths(generator.synthesis(w, noise), w, torch.Generator().manual_seed(3))
            return (lengths - target).square().mean()

        assert gradient[place].item() == pytest.approx(_slope(held, parameter, place), rel=1e-4)
        assert abs(gradient[place].item()) > 1e-8


def test_r1_can_be_differentiated_through_the_discriminator() -> None:
    torch.manual_seed(0)
    network = Discriminator(8, 2, SMALL).double()
    images, labels = _random(4, 3, 8, 8), torch.tensor([0, 1, 1, 0])

    def penalty() -> torch.Tensor:
        return r1_penalty(lambda seen: network(seen, labels), images)

    for parameter, place in (
        (network.blocks[0].first.weight, (1, 0, 1, 1)),
        (network.convolution.weight, (0, 4, 1, 2)),  # the channel of the minibatch's deviation
    ):
        (gradient,) = torch.autograd.grad(penalty(), parameter)
        assert gradient[place].item() == pytest.approx(_slope(penalty, parameter, place), rel=1e-3)
        assert abs(gradient[place].item()) > 1e-8
