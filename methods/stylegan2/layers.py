"""Layers with equalised learning rates, and convolutions whose weights a style scales and demodulates."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from methods.stylegan2.resample import blur

# Keeps the variance of unit-normal inputs through a leaky rectifier of slope 0.2.
GAIN = math.sqrt(2)
_EPSILON = 1e-8


def activate(x: Float[Tensor, "n c *s"], bias: Float[Tensor, " c"]) -> Float[Tensor, "n c *s"]:
    """Return sqrt(2) * leaky_relu(x + bias), with slope 0.2."""
    shape = (1, -1, *[1] * (x.ndim - 2))
    # the rectifier is homogeneous, so the gain is applied together with the bias, which saves a pass over the features
    return functional.leaky_relu(torch.add((bias * GAIN).to(x.dtype).view(shape), x, alpha=GAIN), 0.2)


def normalise_second_moment(x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Divide each row by the root of the mean of its squares."""
    return x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + _EPSILON)


class EqualLinear(nn.Module):
    """A linear layer whose stored weights are unit normal and scaled when used, so that Adam's steps suit every layer.

    `rate` multiplies the learning rate (0.01 in the mapping network, StyleGAN appendix C): stored weights are larger by
    1 / rate and are multiplied by rate when used.
    """

    def __init__(self, inputs: int, outputs: int, *, bias: float = 0.0, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias / rate))
        self._scale, self._rate = rate / math.sqrt(inputs), rate

    def forward(self, x: Float[Tensor, "n i"], *, activated: bool = False) -> Float[Tensor, "n o"]:
        """Map `x`, and apply the rectifier if `activated`."""
        y, bias = functional.linear(x, self.weight * self._scale), self.bias * self._rate
        return activate(y, bias) if activated else y + bias


class EqualConv(nn.Module):
    """A convolution with equalised learning rate, and a bias and leaky rectifier unless `plain`; it may halve the size.

    To halve the size, the image is blurred first, with exactly the padding that the strided convolution needs.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, down: bool = False, plain: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = None if plain else nn.Parameter(torch.zeros(outputs))
        self._scale, self._kernel, self._down = 1 / math.sqrt(inputs * kernel**2), kernel, down

    def forward(self, x: Float[Tensor, "n i h w"]) -> Float[Tensor, "n o h2 w2"]:
        """Convolve `x`."""
        weight = self.weight * self._scale
        if self._down:
            y = functional.conv2d(blur(x, (self._kernel + 1) // 2), weight, stride=2)
        else:
            y = functional.conv2d(x, weight, padding=self._kernel // 2)
        return y if self.bias is None else activate(y, self.bias)


def modulated_conv(
    x: Float[Tensor, "n i h w"],
    weight: Float[Tensor, "o i k k"],
    style: Float[Tensor, "n i"],
    *,
    demodulate: bool = True,
    up: bool = False,
) -> Float[Tensor, "n o h2 w2"]:
    """Convolve each image with its own weights, w' = s_i w / sqrt(sum over i, k of (s_i w)^2 + 1e-8).

    This is StyleGAN2, eqs. 1 and 3. A convolution is linear: scaling its input channels by the style and its output
    channels by the demodulation is the same as scaling its weights, and needs no grouped convolution (the paper's
    appendix B turns the batch into groups). `up` doubles the size with a transposed convolution and then blurs.

    The factors are computed in float32 in every precision; bfloat16 has the range that the scaled images need.
    """
    y = x * style.to(x.dtype)[:, :, None, None]
    if up:
        y = blur(functional.conv_transpose2d(y, weight.transpose(0, 1), stride=2), 1, gain=4.0)
    else:
        y = functional.conv2d(y, weight, padding=weight.shape[2] // 2)
    if not demodulate:
        return y
    with torch.autocast(x.device.type, enabled=False):
        energy = style.square() @ weight.square().sum(dim=(2, 3)).transpose(0, 1)
        factor = torch.rsqrt(energy + _EPSILON)
    return y * factor.to(y.dtype)[:, :, None, None]


class StyledConv(nn.Module):
    """A modulated 3 x 3 convolution, noise of learned strength, a bias and a leaky rectifier."""

    def __init__(self, inputs: int, outputs: int, latent: int, *, up: bool = False) -> None:
        super().__init__()
        self.style = EqualLinear(latent, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self._up = up

    def forward(
        self, x: Float[Tensor, "n i h w"], w: Float[Tensor, "n d"], noise: Float[Tensor, "n 1 h2 w2"]
    ) -> Float[Tensor, "n o h2 w2"]:
        """Apply the style of `w`; there is one noise value per pixel for all channels."""
        y = modulated_conv(x, self.weight, style_of(self.style, w), up=self._up)
        return activate(y + (noise * self.noise_strength).to(y.dtype), self.bias)


class ToRGB(nn.Module):
    """A modulated 1 x 1 convolution to colours, without demodulation."""

    def __init__(self, inputs: int, latent: int) -> None:
        super().__init__()
        self.style = EqualLinear(latent, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(3, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))
        self._scale = 1 / math.sqrt(inputs)

    def forward(self, x: Float[Tensor, "n i h w"], w: Float[Tensor, "n d"]) -> Float[Tensor, "n 3 h w"]:
        """Return the contribution of the block to the image, in float32 (float64 for float64)."""
        y = modulated_conv(x, self.weight, style_of(self.style, w) * self._scale, demodulate=False)
        return y.to(w.dtype) + self.bias[:, None, None]


def style_of(layer: EqualLinear, w: Float[Tensor, "n d"]) -> Float[Tensor, "n i"]:
    """Return the scales of input channels, never in half precision."""
    with torch.autocast(w.device.type, enabled=False):
        result: Tensor = layer(w)
        return result
