"""Adaptive discriminator augmentation (Karras et al. 2020, ADA, section 3 and appendix B), pipeline `bgc`.

Every image that the discriminator sees is changed by the same random family of transforms, each with probability p, and
p follows the overfitting of the discriminator. There is one difference from the paper: warped images are sampled
bilinearly and reflected at the border, without the wavelet filter that preserves high frequencies.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from methods.stylegan2.config import AugmentSettings


class Augmentation(nn.Module):
    """The transforms and their probability, which training adapts; all state is in buffers."""

    probability: Tensor
    signs: Tensor
    count: Tensor

    def __init__(self, settings: AugmentSettings) -> None:
        super().__init__()
        self._settings = settings
        self.register_buffer("probability", torch.zeros(()))
        self.register_buffer("signs", torch.zeros(()))
        self.register_buffer("count", torch.zeros(()))

    def forward(self, images: Float[Tensor, "n 3 h w"], generator: torch.Generator) -> Float[Tensor, "n 3 h w"]:
        """Change images in [-1, 1]; return them unchanged while the probability is 0."""
        p = float(self.probability)
        if not self._settings.enabled or p == 0:
            return images
        size = images.shape[-1]
        matrices = warps(len(images), p, size, generator, images.device)
        grid = functional.affine_grid(matrices[:, :2], list(images.shape), align_corners=False)
        warped = functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
        colours = colour_changes(len(images), p, generator, images.device)
        return torch.einsum("nij,njhw->nihw", colours[:, :3, :3], warped) + colours[:, :3, 3, None, None]

    @torch.no_grad()
    def adapt(self, real: Float[Tensor, " n"], step: int) -> None:
        """Count the signs of real images' scores; every few steps, move p towards the target of the mean sign."""
        if not self._settings.enabled:
            return
        self.signs += real.sign().sum()
        self.count += len(real)
        if (step + 1) % self._settings.every == 0:
            change = torch.sign(self.signs / self.count - self._settings.target) * self.count
            self.probability.add_(change / (self._settings.speed * 1000)).clamp_(0, 1)
            self.signs.zero_()
            self.count.zero_()


class _Dice:
    """Random numbers for a batch; a transform is applied with probability p, and otherwise its neutral parameter."""

    def __init__(self, n: int, p: float, generator: torch.Generator, device: torch.device) -> None:
        self._n, self._p, self._generator, self._device = n, p, generator, device

    def happens(self, p: float | None = None) -> Bool[Tensor, " n"]:
        return self.uniform(0, 1) < (self._p if p is None else p)

    def uniform(self, low: float, high: float) -> Float[Tensor, " n"]:
        return low + (high - low) * torch.rand(self._n, generator=self._generator, device=self._device)

    def normal(self, sd: float, neutral: float = 0.0) -> Float[Tensor, " n"]:
        drawn = sd * torch.randn(self._n, generator=self._generator, device=self._device)
        return torch.where(self.happens(), drawn, neutral)

    def chosen(self, drawn: Tensor, p: float | None = None) -> Float[Tensor, " n"]:
        return torch.where(self.happens(p), drawn, 0.0)


def warps(n: int, p: float, size: int, generator: torch.Generator, device: torch.device) -> Float[Tensor, "n 3 3"]:
    """Return maps from output to input coordinates in [-1, 1]: pixel blits, then general geometry (ADA, B.1 and B.2).

    Blits are mirroring, quarter turns, and shifts by whole pixels of up to an eighth. Geometry is a scale 2^N(0, .2), a
    rotation before and after an uneven scale 2^N(0, .2), and a shift by N(0, .125) of the side.
    """
    dice = _Dice(n, p, generator, device)
    mirrored = dice.chosen(torch.floor(dice.uniform(0, 2)))
    turned = dice.chosen(torch.floor(dice.uniform(0, 4))) * (math.pi / 2)
    whole = [torch.round(dice.uniform(-0.125, 0.125) * size) / size for _ in "yx"]
    blit_shift = dice.happens()
    matrix = _scale(1 - 2 * mirrored, torch.ones_like(mirrored)) @ _rotation(turned)
    matrix = matrix @ _shift(*(torch.where(blit_shift, value, 0.0) for value in whole))
    even = torch.exp2(dice.normal(0.2))
    uneven = torch.exp2(dice.normal(0.2))
    # a rotation has two chances, which together turn an image with probability p
    p_rotation = 1 - math.sqrt(1 - p)
    before, after = (dice.chosen(dice.uniform(-math.pi, math.pi), p_rotation) for _ in range(2))
    fraction = dice.happens()
    shifts = [0.125 * torch.randn(n, generator=generator, device=device) for _ in "yx"]
    matrix = matrix @ _scale(even, even) @ _rotation(before) @ _scale(uneven, 1 / uneven) @ _rotation(after)
    return matrix @ _shift(*(torch.where(fraction, value, 0.0) for value in shifts))


def colour_changes(n: int, p: float, generator: torch.Generator, device: torch.device) -> Float[Tensor, "n 4 4"]:
    """Return maps of (r, g, b, 1), colours in [-1, 1] (ADA, B.3).

    The changes are brightness N(0, .2), contrast 2^N(0, .5), inverted luma, a hue rotation by up to pi in both
    directions, and saturation 2^N(0, 1).
    """
    dice = _Dice(n, p, generator, device)
    eye = torch.eye(4, device=device).expand(n, 4, 4)
    grey = torch.tensor([1.0, 1.0, 1.0, 0.0], device=device) / math.sqrt(3)
    along = torch.outer(grey, grey)
    matrix = eye.clone()
    matrix[:, :3, 3] = dice.normal(0.2)[:, None]
    contrast = torch.exp2(dice.normal(0.5))
    matrix = _diagonal(contrast) @ matrix
    flipped = dice.chosen(torch.floor(dice.uniform(0, 2)))
    matrix = (eye - 2 * flipped[:, None, None] * along) @ matrix
    matrix = _turn_hue(dice.chosen(dice.uniform(-math.pi, math.pi)), grey) @ matrix
    saturation = torch.exp2(dice.normal(1.0))[:, None, None]
    colours = torch.diag(torch.tensor([1.0, 1.0, 1.0, 0.0], device=device))
    constant = eye - colours
    return (along + (colours - along) * saturation + constant) @ matrix


def _turn_hue(angle: Float[Tensor, " n"], axis: Float[Tensor, " 4"]) -> Float[Tensor, "n 4 4"]:
    """Rotate colours about the grey axis, by Rodrigues' formula."""
    a = float(axis[0])
    cross = torch.zeros(4, 4, device=axis.device)
    cross[0, 1], cross[0, 2], cross[1, 0] = -a, a, a
    cross[1, 2], cross[2, 0], cross[2, 1] = -a, -a, a
    sine, cosine = torch.sin(angle)[:, None, None], torch.cos(angle)[:, None, None]
    return torch.eye(4, device=axis.device) + sine * cross + (1 - cosine) * (cross @ cross)


def _diagonal(value: Float[Tensor, " n"]) -> Float[Tensor, "n 4 4"]:
    one = torch.ones_like(value)
    return torch.diag_embed(torch.stack([value, value, value, one], dim=1))


def _scale(x: Float[Tensor, " n"], y: Float[Tensor, " n"]) -> Float[Tensor, "n 3 3"]:
    return torch.diag_embed(torch.stack([x, y, torch.ones_like(x)], dim=1))


def _rotation(angle: Float[Tensor, " n"]) -> Float[Tensor, "n 3 3"]:
    sine, cosine, zero = torch.sin(angle), torch.cos(angle), torch.zeros_like(angle)
    rows = [cosine, -sine, zero, sine, cosine, zero, zero, zero, torch.ones_like(angle)]
    return torch.stack(rows, dim=1).view(-1, 3, 3)


def _shift(y: Float[Tensor, " n"], x: Float[Tensor, " n"]) -> Float[Tensor, "n 3 3"]:
    """Return shifts by shares of the side, which has length 2 in these coordinates."""
    matrix = torch.eye(3, device=x.device).repeat(len(x), 1, 1)
    matrix[:, 0, 2], matrix[:, 1, 2] = 2 * x, 2 * y
    return matrix
