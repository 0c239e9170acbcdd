"""Inception-v3 pool features, computed by clean-fid's own code: only with these is a distance called FID or KID."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from bench.errors import DataError
from metrics.encoders.published import PublishedEncoder
from metrics.encoders.weights import WeightsFile

if TYPE_CHECKING:
    import torch

WEIGHTS = WeightsFile.of_card("inception")
_PREPROCESSING = "clean-fid 'clean': PIL bicubic to 299 x 299 a channel in float, clipped to 0-255; (x - 128) / 128"


class Inception(PublishedEncoder):
    """2048 pool features of the 2015 Inception-v3 (TorchScript of StyleGAN2), clean-fid's mode `clean`.

    Args:
        weights: the file, or a folder that contains it.
        device: torch device name.

    Raises:
        MissingError: the file does not exist.
        DataError: the file is not a TorchScript with a part named `layers`.
    """

    file = WEIGHTS
    preprocessing = _PREPROCESSING

    def __init__(self, weights: Path | None, device: str) -> None:
        from cleanfid.resize import build_resizer

        super().__init__(weights, device)
        self._resize = build_resizer("clean")
        self._network = _wrapped(self._path).to(device)

    def _prepare(self, chunk: UInt8[np.ndarray, "n h w 3"]) -> torch.Tensor:
        import torch

        resized = np.stack([self._resize(image) for image in chunk])
        return torch.from_numpy(resized).permute(0, 3, 1, 2).contiguous()

    def _embed(self, pixels: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self._network(pixels)
        return features


def _wrapped(path: Path) -> torch.nn.Module:
    """Load the file into clean-fid's wrapper, which normalises and skips the script's own resizing."""
    from cleanfid.inception_torchscript import InceptionV3W

    # The wrapper takes a folder and expects one file name in it; the file may have another name.
    with TemporaryDirectory() as folder:
        (Path(folder) / WEIGHTS.file).symlink_to(path.resolve())
        try:
            network: torch.nn.Module = InceptionV3W(folder, download=False)
        except (RuntimeError, AttributeError) as error:
            raise DataError(
                f"{path} is not the TorchScript file of Inception",
                got=str(error).splitlines()[0],
                fix=f"get {WEIGHTS.source}",
            ) from error
    return network.eval()
