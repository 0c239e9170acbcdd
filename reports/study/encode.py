"""One encoding for all images of a study, so that no file says where its image comes from."""

from __future__ import annotations

import io

import numpy as np
from jaxtyping import UInt8
from PIL import Image

JPEG_QUALITY = 90


def encode(image: UInt8[np.ndarray, "h w 3"]) -> bytes:
    """Return an image as a PNG file whose length depends only on the size of the image.

    Real tiles have often been stored as JPEG, and synthetic images never, so every image is compressed as JPEG once
    (quality 90, colours at full resolution). The PNG file contains the pixels uncompressed, and no metadata.
    """
    compressed, stored = io.BytesIO(), io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(compressed, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    with Image.open(compressed) as again:
        pixels = np.asarray(again.convert("RGB"))
    Image.fromarray(pixels).save(stored, "PNG", compress_level=0)
    return stored.getvalue()
