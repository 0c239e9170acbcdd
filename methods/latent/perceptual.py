"""The perceptual part of reconstruction losses."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from bench.errors import ConfigError
from methods.latent.config import PerceptualSettings
from metrics.perceptual import RandomMaps, load_lpips


class FilterDistance(nn.Module):
    """Mean absolute difference of the responses of random filters, averaged over layers; (n, 3, h, w) twice to (n,).

    LPIPS's formula divides features by their norm at each pixel. With random filters, flat regions, in which responses
    are almost 0, would then count as much as edges.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = RandomMaps()

    def forward(self, a: Float[Tensor, "n 3 h w"], b: Float[Tensor, "n 3 h w"]) -> Float[Tensor, " n"]:
        """Compare images in [-1, 1] in pairs."""
        pairs = zip(self.features.maps(a), self.features.maps(b), strict=True)
        distances = [(x - y).abs().mean(dim=(1, 2, 3)) for x, y in pairs]
        return sum(distances[1:], distances[0]) / len(distances)


def perceptual_loss(settings: PerceptualSettings) -> nn.Module | None:
    """Return the distance of images in [-1, 1] that the settings name, frozen and on the CPU; None if they name none.

    Raises:
        ConfigError: LPIPS is requested without a folder of its weights.
        MissingError: the weights are absent.
    """
    if settings.features == "none" or settings.weight == 0:
        return None
    if settings.features == "random-convnet":
        return FilterDistance()
    if settings.weights is None:
        raise ConfigError(
            "The folder of the weights of LPIPS (VGG16) is not set",
            got="no folder",
            fix="set autoencoder.training.perceptual.weights, "
            "or autoencoder.training.perceptual.features=random-convnet",
        )
    return load_lpips(settings.weights, "vgg")
