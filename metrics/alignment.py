"""Text-image alignment: cosine similarity of each image with its own caption, times 100."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from bench.errors import DataError


@dataclass(frozen=True)
class Alignment:
    """Mean similarity, in [-100, 100], real pairs about 26 with PLIP; NaN without a caption.

    `per_image` is NaN where the caption is empty; `n_skipped` counts those.
    """

    value: float
    per_image: Float64[np.ndarray, " n"]
    n: int
    n_skipped: int


def has_text(captions: Sequence[str | None]) -> Bool[np.ndarray, " n"]:
    """Return which captions are not empty; the others are skipped and counted.

    >>> int(has_text(["a gland", " ", None]).sum())
    1
    """
    return np.array([bool(caption and caption.strip()) for caption in captions], dtype=bool)


def similarity(
    images: Float[np.ndarray, "n d"], texts: Float[np.ndarray, "n d"], captioned: Bool[np.ndarray, " n"]
) -> Alignment:
    """Return 100 · cosine similarity of image and caption, averaged over captioned images (PathDiff, §4.1).

    Args:
        images: image features of an encoder with a text tower, normalised or not.
        texts: features of each image's caption (cut off at 77 tokens by the encoder); any values if it has none.
        captioned: which images have a caption, see :func:`has_text`.

    Raises:
        DataError: shapes differ, or a captioned row is not finite or 0.

    >>> images, texts = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[3.0, 4.0], [0.0, 1.0]])
    >>> similarity(images, texts, np.array([True, True])).value  # cosines .6 and 1
    80.0
    """
    if images.shape != texts.shape or len(captioned) != len(images):
        raise DataError(
            "There must be one caption feature per image",
            got=f"{images.shape}, {texts.shape} and {len(captioned)} captions",
        )
    a, b = (np.asarray(rows[captioned], dtype=np.float64) for rows in (images, texts))
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    if not np.isfinite(norms).all() or (norms == 0).any():
        raise DataError(
            "Features of captioned images must be finite and other than 0", got="NaN, infinity or 0 in a captioned row"
        )
    per_image = np.full(len(images), np.nan)
    per_image[captioned] = 100 * np.einsum("nd,nd->n", a, b) / norms
    n = int(captioned.sum())
    value = float(per_image[captioned].mean()) if n else float("nan")
    return Alignment(value, per_image, n, len(images) - n)


def shuffled(captions: Sequence[str], rng: np.random.Generator) -> Int64[np.ndarray, " n"]:
    """Return whose caption each image gets, so that no image keeps an equal caption; -1 where that is impossible.

    Captions are permuted. It is impossible for some images if one caption belongs to more than half of them.

    >>> [int(other) for other in shuffled(["a", "b", "a", "b"], np.random.default_rng(0)) % 2]
    [1, 0, 1, 0]
    """
    order = rng.permutation(len(captions))
    counts = Counter(captions)
    rank = {caption: place for place, caption in enumerate(dict.fromkeys(captions[index] for index in order))}
    ordered = sorted(order.tolist(), key=lambda index: rank[captions[index]])
    step = max(counts.values(), default=0)
    given = np.full(len(captions), -1, dtype=np.int64)
    for place, index in enumerate(ordered):
        other = ordered[(place + step) % len(ordered)]
        if captions[other] != captions[index]:
            given[index] = other
    return given
