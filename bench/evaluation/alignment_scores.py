"""Similarities of images and captions, one row per image: of runs and of `bench score text`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from bench.evaluation.statistics import Statistics

if TYPE_CHECKING:
    from metrics.encoders.base import Encoder

SIMILARITY, SHUFFLED = "clip_similarity", "clip_similarity_shuffled"
NOT_ABOVE = "no higher than with shuffled captions"
_BATCH = 256


def embed_texts(encoder: Encoder, captions: Sequence[str], advance: Any = None) -> Float[np.ndarray, "n d"]:
    """Return the features of captions; `advance` is called with the number of those that are done."""
    parts = []
    for start in range(0, len(captions), _BATCH):
        batch = captions[start : start + _BATCH]
        parts.append(encoder.texts(batch))
        if advance is not None:
            advance(len(batch))
    return np.concatenate(parts)


def alignment_rows(
    images: Float[np.ndarray, "n d"],
    captions: Sequence[str],
    texts: Mapping[str, Float[np.ndarray, " d"]],
    rng: np.random.Generator,
) -> list[dict[str, object]]:
    """Return the similarity of each image with its own caption and with another image's; NaN if it has none.

    Args:
        images: features of the images.
        captions: the caption of each image; empty if it has none.
        texts: features of every caption that is not empty.
        rng: shuffles the captions.
    """
    from metrics.alignment import has_text, shuffled, similarity

    captioned = has_text(captions)
    places = np.flatnonzero(captioned).tolist()
    other = np.full(len(captions), -1)
    given = shuffled([captions[place] for place in places], rng)
    other[places] = np.where(given < 0, -1, np.array(places, np.int64)[given])
    own = np.zeros_like(images)
    others = np.zeros_like(images)
    for place in places:
        own[place] = texts[captions[place]]
        if other[place] >= 0:
            others[place] = texts[captions[int(other[place])]]
    right, wrong = similarity(images, own, captioned), similarity(images, others, other >= 0)
    return [{SIMILARITY: float(a), SHUFFLED: float(b)} for a, b in zip(right.per_image, wrong.per_image, strict=True)]


def not_above(statistics: Statistics) -> str:
    """Return a warning if images are no more similar to their own captions than to others; empty otherwise."""
    own, others = (statistics.numbers(name) for name in (SIMILARITY, SHUFFLED))
    if np.isnan(own).all() or np.isnan(others).all():
        return ""
    return NOT_ABOVE if np.nanmean(own) <= np.nanmean(others) else ""
