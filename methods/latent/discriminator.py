"""The network that tells patches of real images from reconstructed ones, as latent diffusion trains autoencoders."""

from __future__ import annotations

from torch import nn

_KERNEL, _SLOPE, _DEVIATION = 4, 0.2, 0.02


class PatchDiscriminator(nn.Sequential):
    """Convolutions of 4 x 4 that score each patch of an image, high where it looks real.

    Maps images (n, 3, h, w) to scores (n, 1, rows, columns), as in Isola et al., CVPR 2017, appendix 6.1.2. The first
    convolution and all but the last of `layers` more halve the resolution, and each of `layers` doubles the channels.
    With the same seed, weights and scores are those of MONAI's `PatchDiscriminator`, whose import loads MLflow and
    Matplotlib and took longer than a training of the preset `tiny`.
    """

    def __init__(self, width: int, layers: int) -> None:
        """Draw the weights from torch's global generator: normal, with a deviation of .02.

        Args:
            width: channels of the first convolution.
            layers: convolutions between the first and the last one.
        """
        parts: list[nn.Module] = [nn.Conv2d(3, width, _KERNEL, stride=2, padding=1), nn.LeakyReLU(_SLOPE)]
        for layer in range(layers):
            own, stride = width << layer, 1 if layer == layers - 1 else 2
            parts.append(nn.Conv2d(own, 2 * own, _KERNEL, stride=stride, padding=1, bias=False))
            parts += [nn.BatchNorm2d(2 * own), nn.LeakyReLU(_SLOPE)]
        super().__init__(*parts, nn.Conv2d(width << layers, 1, _KERNEL, padding=1))
        self.apply(_start)


def _start(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.BatchNorm2d):
        nn.init.normal_(module.weight, float(isinstance(module, nn.BatchNorm2d)), _DEVIATION)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
