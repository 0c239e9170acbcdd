"""Turns an 8-bit image into a network's input: resize and crop as the published pipelines do, then normalise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import UInt8
from pydantic import BaseModel, ConfigDict, PositiveInt, model_validator

from metrics.encoders.chunked import channels_first

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

Interpolation = Literal["bilinear", "bicubic", "lanczos"]
Triple = tuple[float, float, float]


class Preprocessing(BaseModel):
    """How an image is turned into a network's input.

    The shorter side becomes `resize` pixels (default: `size`), both sides with `fit: squash`; then the centre of
    `size` x `size` is cut out, all in 8 bits as PIL does it. `mean` is subtracted from values in [0, 1], which are then
    divided by `std`.
    `centre` is how half a pixel is rounded: `even` as torchvision's crop does, `down` as transformers' does.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: PositiveInt
    resize: PositiveInt | None = None
    interpolation: Interpolation
    fit: Literal["shorter", "squash"] = "shorter"
    centre: Literal["even", "down"] = "even"
    mean: Triple
    std: Triple

    @model_validator(mode="after")
    def _crop_fits(self) -> Preprocessing:
        if self.resize is not None and self.resize < self.size:
            raise ValueError(f"resize must be at least size, {self.size}")
        return self

    def describe(self) -> str:
        """Return the steps in words; equal words mean equal inputs."""
        side = self.resize or self.size
        sides = f"{side} x {side}" if self.fit == "squash" else f"{side} on the shorter side"
        crop = f"centre {self.size} (half pixels {self.centre})"
        return f"PIL {self.interpolation} to {sides}, {crop}, uint8; mean {self.mean}, std {self.std}"

    def crop(self, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "size size 3"]:
        """Return one image, resized and cropped."""
        from PIL import Image

        resampling = Image.Resampling[self.interpolation.upper()]
        whole = Image.fromarray(image)
        return np.asarray(self._centre(whole.resize(self._sides(*whole.size), resampling)))

    def prepare(self, chunk: UInt8[np.ndarray, "n h w 3"]) -> torch.Tensor:
        """Return the network's input for images, float32 (n, 3, size, size)."""
        import torch

        pixels = channels_first(np.stack([self.crop(image) for image in chunk])) / 255
        mean, std = (torch.tensor(value).view(1, 3, 1, 1) for value in (self.mean, self.std))
        return (pixels - mean) / std

    def _sides(self, w: int, h: int) -> tuple[int, int]:
        side = self.resize or self.size
        if self.fit == "squash":
            return side, side
        short = min(h, w)
        return int(side * w / short), int(side * h / short)

    def _centre(self, image: Image) -> Image:
        corner = [(have - self.size) / 2 for have in image.size]
        left, top = (round(value) if self.centre == "even" else int(value // 1) for value in corner)
        return image.crop((left, top, left + self.size, top + self.size))
