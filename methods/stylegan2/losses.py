"""Adversarial losses and the two regularisers, R1 and path length."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def generator_loss(fake: Float[Tensor, " n"]) -> Float[Tensor, ""]:
    """Return the non-saturating loss of the generator (Goodfellow et al. 2014), -log sigmoid(D(fake)), from logits."""
    return functional.softplus(-fake).mean()


def discriminator_loss(real: Float[Tensor, " n"], fake: Float[Tensor, " n"]) -> Float[Tensor, ""]:
    """Return the discriminator's logistic loss, -log sigmoid(D(real)) - log(1 - sigmoid(D(fake))), from logits."""
    return functional.softplus(-real).mean() + functional.softplus(fake).mean()


def r1_penalty(score: Callable[[Tensor], Float[Tensor, " n"]], images: Float[Tensor, "n c h w"]) -> Float[Tensor, ""]:
    """Return the mean over real images of the squared norm of the gradient of their scores (Mescheder et al. 2018).

    The loss is gamma / 2 times this value. It can be differentiated with respect to the weights of `score`.
    """
    images = images.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(score(images).sum(), images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


def path_lengths(
    images: Float[Tensor, "n c h w"], w: Float[Tensor, "n l d"], generator: torch.Generator
) -> Float[Tensor, " n"]:
    """Return |J^T y| of each image, where y is an image of unit normal pixels / sqrt(h w) (StyleGAN2, section 3.2).

    J is the Jacobian of the image with respect to w. Over the layers that w enters, the root of the mean of the squared
    norms is returned.
    """
    noise = torch.randn(images.shape, generator=generator, device=images.device, dtype=images.dtype)
    product = (images * noise).sum() / math.sqrt(images.shape[2] * images.shape[3])
    (gradient,) = torch.autograd.grad(product, w, create_graph=True)
    return gradient.square().sum(dim=2).mean(dim=1).sqrt()


def path_penalty(
    lengths: Float[Tensor, " n"], mean: Float[Tensor, ""], decay: float
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Return the mean of (length - a)^2, and a: the running mean `mean`, moved by `decay` towards this batch's mean."""
    target = torch.lerp(mean, lengths.detach().mean(), decay)
    return (lengths - target).square().mean(), target
