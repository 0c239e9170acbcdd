"""Equalised layers and demodulation."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from methods.stylegan2.layers import (
    EqualConv,
    EqualLinear,
    StyledConv,
    ToRGB,
    activate,
    modulated_conv,
    normalise_second_moment,
)
from methods.stylegan2.resample import blur


def _random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("demodulate", [False, True])
def test_modulation_scales_the_weights_of_each_image(up: bool, demodulate: bool) -> None:
    x, weight, style = _random(3, 5, 6, 6), _random(4, 5, 3, 3, seed=1), _random(3, 5, seed=2)
    found = modulated_conv(x, weight, style, demodulate=demodulate, up=up)
    for image, scale, got in zip(x, style, found, strict=True):
        own = weight * scale[None, :, None, None]
        if demodulate:
            own = own / (own.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if up:
            expected = blur(functional.conv_transpose2d(image[None], own.transpose(0, 1), stride=2), 1, gain=4.0)
        else:
            expected = functional.conv2d(image[None], own, padding=1)
        torch.testing.assert_close(got, expected[0], rtol=1e-10, atol=1e-10)


def test_demodulated_outputs_have_unit_variance() -> None:
    x, weight = _random(64, 16, 16, 16), _random(24, 16, 3, 3, seed=1)
    style = 3 * _random(64, 16, seed=2).exp()
    y = modulated_conv(x, weight, style)[..., 1:-1, 1:-1]
    assert torch.allclose(y.std(dim=(0, 2, 3)), torch.ones(24, dtype=torch.float64), atol=0.05)
    plain = modulated_conv(x, weight, style, demodulate=False)
    assert plain.std() > 10


def test_demodulation_in_bfloat16_is_close() -> None:
    x, weight, style = _random(2, 16, 8, 8), _random(8, 16, 3, 3, seed=1), 100 * _random(2, 16, seed=2)
    exact = modulated_conv(x, weight, style)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = modulated_conv(x.float(), weight.float(), style.float())
    assert rough.dtype == torch.bfloat16
    assert (rough.double() - exact).abs().max() < 0.05


@pytest.mark.parametrize("rate", [1.0, 0.01])
def test_linear_layer_is_equalised(rate: float) -> None:
    torch.manual_seed(0)
    layer = EqualLinear(256, 256, bias=1.0, rate=rate).requires_grad_(False)
    x = torch.randn(512, 256)
    y = layer(x)
    assert y.std() == pytest.approx(1.0, abs=0.05)
    assert y.mean() == pytest.approx(1.0, abs=0.05)
    # a step of the stored weights, which are unit normal / rate, moves the weights in use by rate / sqrt(inputs)
    layer.weight += 1
    assert torch.allclose(layer(x) - y, x.sum(1, keepdim=True) * rate / 16, atol=1e-3)


def test_activation_keeps_the_second_moment() -> None:
    x = _random(2000, 64)
    y = activate(x, torch.zeros(64, dtype=torch.float64))
    # half the values times 2, half times 2 x 0.2^2
    assert y.square().mean() == pytest.approx(1.04, abs=0.01)
    assert normalise_second_moment(7 * x).square().mean(dim=1) == pytest.approx(torch.ones(2000).numpy())


def test_halving_convolution_by_definition() -> None:
    torch.manual_seed(0)
    layer = EqualConv(2, 3, 3, down=True).double()
    x = _random(1, 2, 8, 8)
    kernel = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])).double() / 64
    blurred = functional.conv2d(functional.pad(x, (2, 2, 2, 2)), kernel.expand(2, 1, 4, 4), groups=2)
    expected = functional.conv2d(blurred, layer.weight / 18**0.5, stride=2)
    assert expected.shape == (1, 3, 4, 4)
    torch.testing.assert_close(layer(x), functional.leaky_relu(expected, 0.2) * 2**0.5)


def test_noise_enters_by_its_strength_and_the_style_by_w() -> None:
    torch.manual_seed(0)
    layer = StyledConv(4, 6, 8, up=True)
    x, w, noise = torch.randn(2, 4, 4, 4), torch.randn(2, 8), torch.randn(2, 1, 8, 8)
    silent = layer(x, w, noise)
    assert torch.equal(silent, layer(x, w, 0 * noise))
    with torch.no_grad():
        layer.noise_strength.fill_(0.5)
    assert not torch.allclose(silent, layer(x, w, noise))
    assert not torch.allclose(silent, layer(x, w + 1, 0 * noise))


def test_colours_leave_half_precision() -> None:
    layer = ToRGB(4, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(torch.randn(1, 4, 4, 4).bfloat16(), torch.randn(1, 8)).dtype == torch.float32
