"""CLIP ViT-B/32 as OpenAI trained it, with clean-fid's preprocessing: the features of CLIP-FID."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile, is_zipfile

import numpy as np
from jaxtyping import Float32, UInt8

from bench.errors import DataError
from metrics.encoders.chunked import CHUNK
from metrics.encoders.pixels import Preprocessing
from metrics.encoders.published import PublishedEncoder
from metrics.encoders.state import read_state
from metrics.encoders.weights import WeightsFile

if TYPE_CHECKING:
    import torch

WEIGHTS = WeightsFile.of_card("clip-vit-b-32")
# OpenAI trained with QuickGELU; the plain architecture loads the same weights and shifts every feature silently.
ARCHITECTURE = "ViT-B-32-quickgelu"
_PREPROCESSING = "PIL bicubic to 224 on the shorter side, centre crop, uint8; CLIP mean and std; projection, raw"
_INTEGERS = frozenset({"input_resolution", "context_length", "vocab_size"})
PIXELS = Preprocessing(
    size=224,
    interpolation="bicubic",
    mean=(0.48145466, 0.4578275, 0.40821073),
    std=(0.26862954, 0.26130258, 0.27577711),
)


class ClipViTB32(PublishedEncoder):
    """512 features of CLIP's visual projection, not normalised, and of its text tower.

    Args:
        weights: OpenAI's file, a state dict of open_clip, or a folder that contains OpenAI's file.
        device: torch device name.

    Raises:
        MissingError: the file does not exist.
        DataError: the file contains other weights.
    """

    file = WEIGHTS
    preprocessing = _PREPROCESSING

    def __init__(self, weights: Path | None, device: str) -> None:
        super().__init__(weights, device)
        self._network: Any = _load(self._path).to(device)

    def texts(self, captions: Sequence[str]) -> Float32[np.ndarray, "n d"]:
        """Return the features of captions, cut off at 77 tokens; they are not normalised."""
        import open_clip
        import torch

        tokens = open_clip.get_tokenizer(ARCHITECTURE)(list(captions)).to(self.device)
        with torch.inference_mode():
            parts = [self._network.encode_text(part).float().cpu().numpy() for part in tokens.split(CHUNK)]
        return np.concatenate(parts)

    def _prepare(self, chunk: UInt8[np.ndarray, "n h w 3"]) -> torch.Tensor:
        return PIXELS.prepare(chunk)

    def _embed(self, pixels: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self._network.encode_image(pixels)
        return features


def _load(path: Path) -> torch.nn.Module:
    import open_clip

    network = open_clip.create_model(ARCHITECTURE, pretrained=None, precision="fp32", load_weights=False)
    try:
        network.load_state_dict(_state(path))
    except RuntimeError as error:
        got = str(error).splitlines()[0]
        raise DataError(
            f"{path} does not contain the weights of CLIP ViT-B/32", got=got, fix=f"get {WEIGHTS.source}"
        ) from error
    loaded: torch.nn.Module = network.eval()
    return loaded


def _state(path: Path) -> dict[str, torch.Tensor]:
    """Return the weights in OpenAI's TorchScript archive or in a bare state dict; no code in the file is executed."""
    import torch

    state: dict[str, torch.Tensor]
    if is_zipfile(path) and any(name.endswith("/constants.pkl") for name in ZipFile(path).namelist()):
        state = torch.jit.load(str(path), map_location="cpu").state_dict()  # type: ignore[no-untyped-call]
    else:
        state = read_state(path)
    # OpenAI's file has three integers among its weights.
    return {name: value.float() for name, value in state.items() if name not in _INTEGERS}
