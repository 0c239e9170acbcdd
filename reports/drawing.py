"""Drawing functions for contact sheets and small pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageFont

from bench.atomic import replacing

Face = ImageFont.FreeTypeFont | ImageFont.ImageFont
GAP = 6
INK, PAPER = (30, 30, 30), (255, 255, 255)


def enlarge(image: UInt8[np.ndarray, "h w 3"], scale: float) -> UInt8[np.ndarray, "sh sw 3"]:
    """Enlarge an image `scale` times, smoothly; a scale below 1 reduces it."""
    height, width = image.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.array(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def fit(image: UInt8[np.ndarray, "h w 3"], side: int) -> Image.Image:
    """Resize an image, smoothly, so that its longer side has `side` pixels."""
    height, width = image.shape[:2]
    factor = side / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)


def font(size: int) -> Face:
    """Return the font that comes with Pillow, `size` pixels high."""
    return ImageFont.load_default(size)


def shorten(text: str, width: float, face: Face) -> str:
    """Cut a text that is wider than `width` pixels, and add dots at its end."""
    if face.getlength(text) <= width:
        return text
    while text and face.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text.rstrip()}..."


def save(sheet: Image.Image, path: Path) -> None:
    """Write a PNG to a temporary file and rename it."""
    with replacing(path) as temporary:
        sheet.save(temporary, format="PNG")
