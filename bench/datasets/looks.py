"""What an image looks like, for comparison with images of other splits."""

from __future__ import annotations

from typing import NamedTuple


class Look(NamedTuple):
    """The look of an image: a 64-bit perceptual hash, whether the image is nearly blank, and a digest of its pixels."""

    code: int
    flat: bool
    pixels: str = ""
