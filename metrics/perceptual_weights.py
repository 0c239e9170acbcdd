"""The published files of LPIPS and the identities of perceptual distances; nothing here loads a network."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

from bench.errors import DataError, MissingError
from bench.weights import Weights
from metrics.encoders.random_convnet import filters_digest
from metrics.encoders.weights import SETTING, WeightsFile, file_sha256, identity

Trunk = Literal["alex", "vgg"]


class _Published(NamedTuple):
    """A trunk of torchvision, the layers after which LPIPS compares, and its linear heads (version 0.1)."""

    trunk: WeightsFile
    heads: WeightsFile
    model: str
    layers: tuple[int, ...]
    channels: tuple[int, ...]


def _published(net: str, model: str, layers: tuple[int, ...], channels: tuple[int, ...]) -> _Published:
    trunk = WeightsFile.of_card(f"lpips-{net}", f"lpips ({net})")
    heads = WeightsFile.of_card(f"lpips-{net}", f"lpips ({net})", file=f"{net}.pth")
    return _Published(trunk, heads, model, layers, channels)


NETS = {
    "alex": _published("alex", "alexnet", (1, 4, 7, 9, 11), (64, 192, 384, 256, 256)),
    "vgg": _published("vgg", "vgg16", (3, 8, 15, 22, 29), (64, 128, 256, 512, 512)),
}


def lpips_weights(weights: Path | None, net: Trunk = "alex") -> Weights:
    """Return the file that LPIPS needs, and its path; torchmetrics provides the linear heads."""
    return NETS[net].trunk.weights(weights, "images in [-1, 1], ImageNet's mean and deviation, own size")


def lpips_identity(weights: Path | None, net: Trunk = "alex") -> str:
    """Return what distinguishes this LPIPS from others: hashes of trunk and heads."""
    trunk, heads = published_files(weights, net)
    return identity(file_sha256(trunk), f"lpips 0.1 ({net}), heads {file_sha256(heads)[:16]}, own size")


def maps_identity() -> str:
    """Return what distinguishes distances on random maps from others: a hash of the filters, and preprocessing.

    >>> maps_identity()[:8]
    '99426560'
    """
    return identity(filters_digest(), "RGB / 127.5 - 1, own size; maps of two layers at scales 1, 1/2, 1/4")


def published_files(weights: Path | None, net: Trunk) -> tuple[Path, Path]:
    """Return the files of the trunk and of the linear heads.

    Raises:
        MissingError: a file does not exist.
        DataError: a file is not the published one.
    """
    published = NETS[net]
    return _checked(published.trunk, published.trunk.demand(weights)), _checked(published.heads, _heads(weights, net))


def _heads(weights: Path | None, net: Trunk) -> Path:
    """Return the linear heads from the folder of weights, or else from torchmetrics."""
    import torchmetrics.functional.image as home

    file = NETS[net].heads
    brought = Path(home.__file__).parent / "lpips_models" / file.file
    if weights is not None and weights.is_dir() and file.path(weights) is not None:
        return file.demand(weights)
    if not brought.is_file():
        raise MissingError(
            f"LPIPS needs its linear heads, {file.file}",
            got=f"neither in {weights} nor in torchmetrics",
            fix=f"get {file.source} and set {SETTING}",
        )
    return brought


def _checked(file: WeightsFile, path: Path) -> Path:
    digest = file_sha256(path)
    if not digest.startswith(file.sha256):
        raise DataError(
            f"LPIPS needs the published {file.file} (sha256 {file.sha256[:8]}...)",
            got=f"{path} with sha256 {digest[:8]}...",
            fix=f"get {file.source}",
        )
    return path
