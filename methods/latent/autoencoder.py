"""Autoencoders (KL or VQ), in diffusers' format; conversion of images to latents of unit variance and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeAlias

import torch
from diffusers import AutoencoderKL, VQModel
from jaxtyping import Float
from torch import Tensor, nn

from bench.contract import RunContext
from bench.errors import DataError
from bench.training import randn
from methods.latent.config import AutoencoderNetwork
from methods.latent.folders import load_model, model_kind, save_model

FOLDER = "autoencoder"

Autoencoder: TypeAlias = "AutoencoderKL | VQModel"


def make_autoencoder(settings: AutoencoderNetwork, size: int) -> Autoencoder:
    """Return an untrained autoencoder for images of `size` pixels."""
    levels = len(settings.multipliers)
    shared = {
        "down_block_types": ("DownEncoderBlock2D",) * levels,
        "up_block_types": ("UpDecoderBlock2D",) * levels,
        "block_out_channels": tuple(settings.width * multiplier for multiplier in settings.multipliers),
        "layers_per_block": settings.blocks,
        "latent_channels": settings.latent_channels,
        "norm_num_groups": settings.groups,
        "sample_size": size,
        "scaling_factor": 1.0,
        "mid_block_add_attention": settings.middle_attention,
    }
    if settings.kind == "vq":
        return VQModel(**shared, num_vq_embeddings=settings.codebook, vq_embed_dim=settings.latent_channels)
    return AutoencoderKL(**shared)


class Reconstructing(nn.Module):
    """An autoencoder in the form that training uses: images and noise in, reconstructions and moments out."""

    def __init__(self, network: Autoencoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Float[Tensor, "n 3 h w"], generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the decoded images, and the term that keeps latents in bounds, one number.

        For `kl` that is the divergence of the posteriors from a standard normal, per pixel value; for `vq` the distance
        of latents from their vectors, per latent value.
        """
        moments = moments_of(self.network, images)
        if isinstance(self.network, VQModel):
            decoded, distance = self.network.decode(moments, return_dict=False)
            return decoded, distance
        decoded = decode(self.network, sample_posterior(moments, generator))
        return decoded, kl_divergence(moments).mean() / images[0].numel()


class Codec:
    """A trained, frozen autoencoder that converts images in [-1, 1] to latents of about unit variance, and back."""

    def __init__(self, network: Autoencoder, run: RunContext) -> None:
        from bench.training.fabric import Fabric

        self.network, self.scale = network, float(network.config.scaling_factor)
        self.factor = 2 ** (len(network.config.block_out_channels) - 1)
        self.channels = int(network.config.latent_channels)
        network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        fabric = Fabric(accelerator=run.device, devices=1, precision=run.precision)  # type: ignore[arg-type]
        self._encoder = fabric.setup_module(_Encoding(network))
        self._decoder = fabric.setup_module(_Decoding(network))
        self.device = fabric.device

    @torch.no_grad()
    def moments(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """Return mean and log variance of the unscaled latents, concatenated along channels; for `vq`, the latents."""
        result: Tensor = self._encoder(images.to(self.device, memory_format=torch.channels_last)).float()
        return result

    def sample(self, moments: Tensor, generator: torch.Generator) -> Float[Tensor, "n c h2 w2"]:
        """Draw scaled latents; those of `vq` have no variance."""
        if isinstance(self.network, VQModel):
            return self.scale * moments.float()
        return self.scale * sample_posterior(moments, generator)

    def mean(self, moments: Tensor) -> Float[Tensor, "n c h2 w2"]:
        """Return scaled latents at the mean of their posterior; `decode` quantises those of `vq`."""
        if isinstance(self.network, VQModel):
            return self.scale * moments.float()
        return self.scale * moments.float().chunk(2, dim=1)[0]

    def decode(self, latents: Float[Tensor, "n c h2 w2"]) -> Float[Tensor, "n 3 h w"]:
        """Return the images of scaled latents, approximately in [-1, 1]."""
        result: Tensor = self._decoder((latents / self.scale).contiguous(memory_format=torch.channels_last)).float()
        return result


class _Encoding(nn.Module):
    def __init__(self, network: Autoencoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return moments_of(self.network, images)


class _Decoding(_Encoding):
    def forward(self, latents: Tensor) -> Tensor:
        return decode(self.network, latents)


def moments_of(network: Autoencoder, images: Tensor) -> Tensor:
    """Return the moments of the posterior of images; for `vq`, the latents before quantisation."""
    found = network.encode(images, return_dict=False)[0]
    result: Tensor = found if isinstance(network, VQModel) else found.parameters
    return result


def decode(network: Autoencoder, latents: Tensor) -> Tensor:
    """Return the images of latents that are not scaled."""
    result: Tensor = network.decode(latents, return_dict=False)[0]
    return result


def sample_posterior(moments: Tensor, generator: torch.Generator) -> Tensor:
    """Draw from normals whose means and log variances are concatenated along channels."""
    mean, log_variance = moments.float().chunk(2, dim=1)
    noise = randn(mean.shape, generator).to(mean)
    return mean + torch.exp(0.5 * log_variance.clamp(-30, 20)) * noise


def kl_divergence(moments: Tensor) -> Float[Tensor, " n"]:
    """Return the divergence of each image's posterior from a standard normal, in nats, summed over latents."""
    mean, log_variance = moments.float().chunk(2, dim=1)
    log_variance = log_variance.clamp(-30, 20)
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=(1, 2, 3))


def save_autoencoder(folder: Path, network: Autoencoder, scale: float) -> None:
    """Write the network with its latent scale (`scaling_factor`, 1 / standard deviation) in diffusers' layout."""
    network.register_to_config(scaling_factor=scale)
    save_model(folder / FOLDER, network)


def load_autoencoder(folder: Path) -> Autoencoder:
    """Load a network, on the CPU.

    Raises:
        DataError: there is none, or its files do not fit each other.
    """
    kind = model_kind(folder / FOLDER, {"AutoencoderKL": AutoencoderKL, "VQModel": VQModel})
    network: Autoencoder = load_model(folder / FOLDER, kind)
    if not isinstance(network.config.scaling_factor, int | float):
        raise DataError("The autoencoder has no valid latent scale", got=json.dumps(network.config.scaling_factor))
    return network


def load_codec(folder: Path, run: RunContext) -> Codec:
    """Load an autoencoder for use, on the device and in the precision of the run."""
    return Codec(load_autoencoder(folder), run)
