"""Decorrelation of colours for training.

The brightness of stained tissue varies ten times as much as its hue, so networks learn the hue last.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import conv2d

from methods.latent.autoencoder import Autoencoder


class Whitening:
    """Division of each principal colour by its standard deviation to the power `strength`, relative to the strongest.

    The map is linear and has no offset, so a network that was trained on its results can absorb it into its first and
    last convolution. It is our own addition: HistoDiffusion and latent diffusion train on RGB, as with strength 0.

    Args:
        images: some of the training images, RGB in 0..255.
        strength: 0 changes nothing, 1 makes all principal colours vary equally.
    """

    def __init__(self, images: UInt8[Tensor, "n 3 h w"], strength: float) -> None:
        pixels = (images.double() / 127.5 - 1).permute(1, 0, 2, 3).flatten(1)
        variances, axes = torch.linalg.eigh(torch.cov(pixels))
        gains = (variances.clamp_min(1e-6) / variances[-1].clamp_min(1e-6)) ** (-strength / 2)
        self.matrix: Float[Tensor, "3 3"] = (axes * gains) @ axes.T if strength else torch.eye(3).double()
        self.inverse: Float[Tensor, "3 3"] = torch.linalg.inv(self.matrix)

    def apply(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """Return images in [-1, 1] in whitened colours."""
        return _mixed(images, self.matrix)

    def undo(self, whitened: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """Return whitened images in RGB."""
        return _mixed(whitened, self.inverse)

    @torch.no_grad()
    def fold(self, network: Autoencoder) -> None:
        """Convert an autoencoder of whitened images, in place, to the same autoencoder of RGB images."""
        first, last = network.encoder.conv_in, network.decoder.conv_out
        first.weight.copy_(torch.einsum("oihw,ij->ojhw", first.weight.double(), self.matrix.to(first.weight.device)))
        inverse = self.inverse.to(last.weight.device)
        last.weight.copy_(torch.einsum("ij,jchw->ichw", inverse, last.weight.double()))
        last.bias.copy_(inverse @ last.bias.double())


def _mixed(images: Tensor, matrix: Tensor) -> Tensor:
    return conv2d(images, matrix.to(images)[:, :, None, None])
