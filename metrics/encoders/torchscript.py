"""Any TorchScript file as an encoder: it turns float RGB 0-255 of shape (n, 3, h, w) into features (n, d)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from bench.errors import DataError, MissingError
from bench.weights import Weights
from metrics.encoders.chunked import ChunkedEncoder, channels_first
from metrics.encoders.weights import file_sha256, identity

if TYPE_CHECKING:
    import torch

_PREPROCESSING = "float32 RGB 0-255, own size; anything else inside the file"
_SETTING = "the encoder's spec to torchscript:/path/to/file.pt"
_FIX = "name the file in the encoder's spec: torchscript:/path/to/file.pt"


class TorchScript(ChunkedEncoder):
    """Features of a TorchScript file, spec `torchscript:<file>`; the file does all preprocessing itself.

    Args:
        weights: the file.
        device: torch device name.

    Raises:
        MissingError: there is no such file.
        DataError: the file is not a TorchScript file, or its output is not (n, d).
    """

    def __init__(self, weights: Path | None, device: str) -> None:
        import torch

        path = _demand(weights)
        super().__init__(path, device)
        try:
            self._network = torch.jit.load(str(path), map_location=device).eval()  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            raise DataError(f"{path} is not a TorchScript file", got=str(error).splitlines()[0]) from error

    @classmethod
    def label(cls, weights: Path | None) -> str:
        """Return `torchscript:<file stem>-<8 hex of sha256>`."""
        path = _demand(weights)
        return f"torchscript:{path.stem.removesuffix('.torchscript')}-{file_sha256(path)[:8]}"

    @classmethod
    def identify(cls, weights: Path | None) -> str:
        """Return the identity without loading the file into torch."""
        return identity(file_sha256(_demand(weights)), _PREPROCESSING)

    @classmethod
    def weights(cls, folder: Path | None) -> Sequence[Weights]:
        """Return the file."""
        path = folder if folder is not None and folder.is_file() else None
        reason = "" if path else f"No file at {folder}." if folder else "No file was named."
        return (Weights("a TorchScript file", _SETTING, "any export", "any", path=path, reason=reason),)

    def _prepare(self, chunk: UInt8[np.ndarray, "n h w 3"]) -> torch.Tensor:
        return channels_first(chunk)

    def _embed(self, pixels: torch.Tensor) -> torch.Tensor:
        import torch

        features = self._network(pixels)
        if not isinstance(features, torch.Tensor) or features.ndim != 2 or len(features) != len(pixels):
            got = tuple(features.shape) if isinstance(features, torch.Tensor) else type(features).__name__
            raise DataError(f"{self._path} does not return features of shape (n, d)", got=str(got))
        return features


def _demand(weights: Path | None) -> Path:
    if weights is None or not weights.is_file():
        raise MissingError(
            "The encoder 'torchscript' needs a TorchScript file",
            got=f"no file at {weights}" if weights else "no file was named",
            fix=_FIX,
        )
    return weights
