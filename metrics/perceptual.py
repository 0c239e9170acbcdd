"""Perceptual distance of paired images: LPIPS with its published weights, and the same formula on any feature maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float64, UInt8
from torch import nn

from bench.errors import DataError
from metrics.encoders.chunked import channels_first
from metrics.encoders.random_convnet import SCALES, random_filters
from metrics.encoders.state import load_exactly, read_state
from metrics.perceptual_weights import NETS, Trunk, published_files

Maps = Sequence[Float[torch.Tensor, "n _ _ _"]]

# Images per forward pass.
CHUNK = 16
# A vector of features is divided by its norm, but never by less than this value (the reference adds it).
_LEAST_NORM = 1e-10


def lpips_distance(
    a: UInt8[np.ndarray, "n h w 3"],
    b: UInt8[np.ndarray, "n h w 3"],
    weights: Path | None,
    net: Trunk = "alex",
    device: str = "cpu",
) -> Float64[np.ndarray, " n"]:
    """Return the LPIPS of each pair of images: 0 for equal images, larger the more they differ; usually below 1.

    Zhang et al., CVPR 2018, eq. 1, version 0.1 of the released weights, images in their own size. `net`: `alex` is the
    released default for measuring, `vgg` is used to train autoencoders; their numbers are not comparable.

    Args:
        a: 8-bit RGB images, at least 32 px per side.
        b: the images that they are compared with, in the same order.
        weights: folder that contains torchvision's file of the trunk (and the heads' `<net>.pth`, unless torchmetrics
            provides it).
        net: the trunk.
        device: torch device name.

    Raises:
        DataError: the images do not form pairs, or the files are not the published ones.
        MissingError: a file is not there.
    """
    _check_pairs(a, b)
    return pair_distances(load_lpips(weights, net), a, b, device)


def pair_distances(
    network: nn.Module, a: UInt8[np.ndarray, "n h w 3"], b: UInt8[np.ndarray, "n h w 3"], device: str = "cpu"
) -> Float64[np.ndarray, " n"]:
    """Return the distance of each pair of images by a network that compares images in [-1, 1]; 0 for equal images.

    Args:
        network: :class:`LPIPS` with its weights, or :class:`RandomMaps`.
        a: 8-bit RGB images, at least 32 px per side.
        b: the images that they are compared with, in the same order.
        device: torch device name.

    Raises:
        DataError: the images do not form pairs.

    >>> grey = np.full((1, 32, 32, 3), 100, np.uint8)
    >>> pair_distances(RandomMaps(), grey, grey).tolist()
    [0.0]
    """
    _check_pairs(a, b)
    distance = network.to(device)
    parts = []
    with torch.inference_mode():
        for start in range(0, len(a), CHUNK):
            pair = [channels_first(images[start : start + CHUNK]).to(device) / 127.5 - 1 for images in (a, b)]
            parts.append(distance(*pair).double().cpu().numpy())
    return np.concatenate(parts)


def _check_pairs(a: np.ndarray, b: np.ndarray) -> None:
    if (
        a.dtype != np.uint8
        or b.dtype != np.uint8
        or a.shape != b.shape
        or a.ndim != 4
        or a.shape[-1] != 3
        or not len(a)
    ):
        raise DataError(
            "The images are not two batches of 8-bit RGB of one shape",
            got=f"{a.dtype} {a.shape} and {b.dtype} {b.shape}",
        )
    if min(a.shape[1:3]) < 32:
        raise DataError("The images must have at least 32 px per side", got=f"{a.shape[1]} x {a.shape[2]}")


class LPIPS(nn.Module):
    """Differentiable LPIPS of images in [-1, 1], two (n, 3, h, w) to (n,), as metric and as training loss.

    It is made without weights, which `load_lpips` fills in; its own parameters are never trained.
    """

    def __init__(self, net: Trunk) -> None:
        from torchvision import models  # type: ignore[import-untyped]

        super().__init__()
        published = NETS[net]
        last = published.layers[-1] + 1
        self.layers = published.layers
        self.trunk = getattr(models, published.model)(weights=None).features[:last]
        for layer in self.trunk:
            if isinstance(layer, nn.ReLU):
                layer.inplace = False  # the maps before it are still needed for gradients
        self.heads = nn.ParameterList(torch.zeros(channels) for channels in published.channels)
        # The mean and deviation of ImageNet, for images in [-1, 1].
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1), persistent=False)
        self.eval().requires_grad_(False)

    def forward(
        self, a: Float[torch.Tensor, "n 3 h w"], b: Float[torch.Tensor, "n 3 h w"]
    ) -> Float[torch.Tensor, " n"]:
        """Return the distance of each pair of images."""
        return perceptual_distance(self.maps(a), self.maps(b), list(self.heads))

    def maps(self, images: Float[torch.Tensor, "n 3 h w"]) -> list[torch.Tensor]:
        """Return the feature maps that are compared, one per layer."""
        x = (images - self.get_buffer("shift")) / self.get_buffer("scale")
        found = []
        for number, layer in enumerate(self.trunk):
            x = layer(x)
            if number in self.layers:
                found.append(x)
        return found


class RandomMaps(nn.Module):
    """Feature maps of `random-convnet`'s filters, of images in [-1, 1]; differentiable and frozen.

    There are two layers at each of three scales, with 16 channels each. The encoder itself also normalises contrast.
    """

    def __init__(self) -> None:
        super().__init__()
        for number, filters in enumerate(random_filters()):
            self.register_buffer(f"filters{number}", torch.from_numpy(filters), persistent=False)

    def forward(
        self, a: Float[torch.Tensor, "n 3 h w"], b: Float[torch.Tensor, "n 3 h w"]
    ) -> Float[torch.Tensor, " n"]:
        """Return the distance of each pair of images in LPIPS's formula, with even weights of channels."""
        return perceptual_distance(self.maps(a), self.maps(b))

    def maps(self, images: Float[torch.Tensor, "n 3 h w"]) -> list[torch.Tensor]:
        """Return the responses after each layer, finest scale first."""
        found = []
        for scale in range(SCALES):
            scaled = nn.functional.avg_pool2d(images, 2**scale)
            edges = nn.functional.conv2d(scaled, self.get_buffer(f"filters{2 * scale}"), padding=2).relu()
            halved = nn.functional.avg_pool2d(edges, 2)
            found += [edges, nn.functional.conv2d(halved, self.get_buffer(f"filters{2 * scale + 1}"), padding=1).relu()]
        return found


def perceptual_distance(
    a: Maps, b: Maps, weights: Sequence[Float[torch.Tensor, " _c"]] | None = None
) -> Float[torch.Tensor, " _n"]:
    """Return the distance of two lists of feature maps, with one map (n, c, h, w) per layer; differentiable.

    Features are divided by their norm over channels; squared differences are weighted by channel (evenly, summing to
    1, if no weights are given), averaged over pixels and summed over layers: LPIPS's formula on any network's maps,
    whose name is `metrics.table.distance_name("perceptual", encoder)`.

    Raises:
        DataError: the lists do not form pairs.

    >>> a, b = torch.tensor([[[[3.0]], [[4.0]]]]), torch.tensor([[[[4.0]], [[3.0]]]])
    >>> round(float(perceptual_distance([a], [b])[0]), 4)  # unit vectors (.6, .8) and (.8, .6)
    0.04
    """
    if len(a) != len(b) or not len(a) or any(x.shape != y.shape for x, y in zip(a, b, strict=True)):
        raise DataError(
            "The two lists of feature maps do not form pairs",
            got=f"{[tuple(x.shape) for x in a]} and {[tuple(y.shape) for y in b]}",
        )
    total = a[0].new_zeros(len(a[0]))
    for layer, (x, y) in enumerate(zip(a, b, strict=True)):
        squared = (_unit(x) - _unit(y)).square()
        share = squared.new_full((x.shape[1],), 1 / x.shape[1]) if weights is None else weights[layer]
        total = total + torch.einsum("nchw,c->nhw", squared, share.to(squared)).mean(dim=(1, 2))
    return total


def load_lpips(weights: Path | None, net: Trunk = "alex") -> LPIPS:
    """Return LPIPS with its published weights, on the CPU.

    Raises:
        MissingError: a file does not exist.
        DataError: a file is not the published one, so the distance may not be called LPIPS.
    """
    trunk, heads = published_files(weights, net)
    with torch.random.fork_rng(devices=[]):
        distance = LPIPS(net)
    fill(distance, trunk, heads, net)
    return distance


def fill(distance: LPIPS, trunk: Path, heads: Path, net: Trunk) -> None:
    """Fill an LPIPS with a classifier's weights, named as in torchvision, and with linear heads, named as in lpips."""
    features = read_state(trunk)
    own = {name.removeprefix("features."): value for name, value in features.items() if name.startswith("features.")}
    load_exactly(distance.trunk, own, trunk, f"torchvision's {NETS[net].model}")
    linear = read_state(heads)
    state = {str(n): linear.get(f"lin{n}.model.1.weight", torch.empty(0)).flatten() for n in range(len(distance.heads))}
    load_exactly(distance.heads, state, heads, f"LPIPS's heads ({net})")


def _unit(x: Float[torch.Tensor, "n c h w"]) -> Float[torch.Tensor, "n c h w"]:
    # The smallest norm is under the root, since a root of 0 has no gradient.
    return x / x.square().sum(dim=1, keepdim=True).clamp_min(_LEAST_NORM**2).sqrt()
