"""The generator: a mapping network, and a synthesis network that sums the colours of its blocks (skip architecture)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from methods.stylegan2.config import NetworkSettings
from methods.stylegan2.layers import EqualLinear, StyledConv, ToRGB, normalise_second_moment
from methods.stylegan2.resample import upsample

# The decay per step of the tracked mean of w (StyleGAN, appendix B).
MEAN_DECAY = 0.998


class Mapping(nn.Module):
    """Maps z and a class to w, or (`noise` 0) only a class, for the discriminator's condition.

    The label embedding and z are normalised separately and then concatenated (ADA, appendix D; `c_dim` of the release).
    """

    def __init__(self, noise: int, latent: int, classes: int, layers: int) -> None:
        super().__init__()
        self.embedding = EqualLinear(classes, latent)
        self.layers = nn.ModuleList(
            EqualLinear(noise + latent if index == 0 else latent, latent, rate=0.01) for index in range(layers)
        )
        self._classes = classes

    def forward(self, z: Float[Tensor, "n z"] | None, labels: Int[Tensor, " n"]) -> Float[Tensor, "n w"]:
        """Return w, or the embedded condition."""
        one_hot = functional.one_hot(labels, self._classes).to(self.embedding.weight.dtype)
        parts = [] if z is None else [normalise_second_moment(z)]
        x = torch.cat([*parts, normalise_second_moment(self.embedding(one_hot))], dim=1)
        for layer in self.layers:
            x = layer(x, activated=True)
        return x


class Block(nn.Module):
    """Feature maps of one size: the first block starts from a learned constant of 4 x 4, the others double the size."""

    def __init__(self, size: int, settings: NetworkSettings) -> None:
        super().__init__()
        channels, latent = settings.channels(size), settings.latent
        if size == 4:
            self.constant = nn.Parameter(torch.randn(channels, 4, 4))
            convolutions = [StyledConv(channels, channels, latent)]
        else:
            before = settings.channels(size // 2)
            convolutions = [StyledConv(before, channels, latent, up=True), StyledConv(channels, channels, latent)]
        self.convolutions = nn.ModuleList(convolutions)
        self.to_rgb = ToRGB(channels, latent)

    def start(self, n: int) -> Float[Tensor, "n c 4 4"]:
        """Return the constant, repeated once per image."""
        return self.constant.expand(n, -1, -1, -1)


class Synthesis(nn.Module):
    """Draws images from one w per layer; `layers` counts the inputs of a style, including the colours at the end."""

    def __init__(self, size: int, settings: NetworkSettings) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(4 * 2**level, settings) for level in range((size // 4).bit_length()))
        self.noise_sizes = [4 * 2**level for level, block in enumerate(self._blocks()) for _ in block.convolutions]
        self.layers = len(self.noise_sizes) + 1

    def forward(
        self, w: Float[Tensor, "n l d"], noise: Sequence[Float[Tensor, "n 1 h w"]]
    ) -> Float[Tensor, "n 3 size size"]:
        """Return images of about [-1, 1], not clipped; `noise` has one map per convolution, with `noise_sizes`."""
        image: Tensor | None = None
        place, blocks = 0, self._blocks()
        x = blocks[0].start(len(w))
        for block in blocks:
            for convolution in block.convolutions:
                x = convolution(x, w[:, place], noise[place])
                place += 1
            # colours use the same w as the first convolution of the next block
            colours = block.to_rgb(x, w[:, place])
            image = colours if image is None else upsample(image) + colours
        assert image is not None
        return image

    def _blocks(self) -> list[Block]:
        return [block for block in self.blocks if isinstance(block, Block)]


class Generator(nn.Module):
    """Mapping and synthesis networks, and the tracked mean of w of each class."""

    mean_sum: Tensor
    mean_weight: Tensor

    def __init__(self, size: int, classes: int, settings: NetworkSettings) -> None:
        super().__init__()
        self.mapping = Mapping(settings.latent, settings.latent, classes, settings.mapping_layers)
        self.synthesis = Synthesis(size, settings)
        self.latent = settings.latent
        self.register_buffer("mean_sum", torch.zeros(classes, settings.latent))
        self.register_buffer("mean_weight", torch.zeros(classes, 1))

    def forward(
        self, z: Float[Tensor, "n z"], labels: Int[Tensor, " n"], noise: Sequence[Tensor], truncation: float = 1.0
    ) -> Float[Tensor, "n 3 size size"]:
        """Draw one image for each z and class, truncated towards the mean of the class: w_mean + psi (w - w_mean)."""
        w = self.mapping(z, labels)
        if truncation != 1:
            w = torch.lerp(self.mean_w(labels), w, truncation)
        result: Tensor = self.synthesis(w[:, None].expand(-1, self.synthesis.layers, -1), noise)
        return result

    def mean_w(self, labels: Int[Tensor, " n"]) -> Float[Tensor, "n w"]:
        """Return the tracked mean w of classes; 0 for a class that training never drew."""
        return self.mean_sum[labels] / self.mean_weight[labels].clamp(min=torch.finfo(torch.float32).tiny)

    @torch.no_grad()
    def track(self, w: Float[Tensor, "n w"], labels: Int[Tensor, " n"]) -> None:
        """Update the mean of each class with the w of a batch, corrected for its start at 0."""
        one_hot = functional.one_hot(labels, len(self.mean_sum)).to(w.dtype)
        counts = one_hot.sum(dim=0)[:, None]
        batch = (one_hot.transpose(0, 1) @ w) / counts.clamp(min=1)
        share = (1 - MEAN_DECAY) * (counts > 0)
        self.mean_sum.lerp_(batch, share.expand_as(batch))
        self.mean_weight.lerp_(torch.ones_like(self.mean_weight), share)
