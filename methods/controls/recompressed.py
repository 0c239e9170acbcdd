"""Real patches encoded as JPEG again, which show what encoding costs without anything synthetic."""

from __future__ import annotations

import io
from typing import Any, ClassVar

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from pydantic import Field

from methods.controls.real import Copy
from methods.patches import PatchSettings


class RecompressedConfig(PatchSettings):
    """Quality of the encoding, by the tables of the Independent JPEG Group: 100 changes least."""

    quality: int = Field(default=75, ge=1, le=100)  # the default of most programs that write JPEG


class RecompressedReal(Copy):
    """Training patches written as JPEG (4:2:0) and read again.

    Nothing else tells them from the patches of `copy`, so the difference between both arms is the cost of encoding.
    """

    kind: ClassVar[str] = "recompressed"
    Config: ClassVar[type[PatchSettings]] = RecompressedConfig
    config: RecompressedConfig

    def recipe(self) -> dict[str, Any]:
        """Return the quality of the encoding."""
        return {"quality": self.config.quality}

    def shown(self, patch: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
        """Return a patch after encoding and decoding."""
        return recompress(patch, self.config.quality)


def recompress(image: UInt8[np.ndarray, "h w 3"], quality: int) -> UInt8[np.ndarray, "h w 3"]:
    """Return an image after encoding as JPEG with chroma of half the resolution (4:2:0), and decoding."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, format="JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(file) as decoded:
        return np.array(decoded.convert("RGB"))
