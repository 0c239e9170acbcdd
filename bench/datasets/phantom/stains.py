"""Stains: how a slide's hematoxylin and eosin amounts become RGB, and how slides differ."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from bench.datasets.phantom.config import PhantomConfig
from bench.datasets.phantom.randomness import generator, lognormal
from bench.datasets.phantom.texture import smooth_noise

HEMATOXYLIN = np.array((0.585, 0.75, 0.285), dtype=np.float32)
"""RGB optical density of one unit of hematoxylin, fitted to CoNSeP's nuclei."""

EOSIN = np.array((0.17, 0.91, 0.37), dtype=np.float32)
"""RGB optical density of one unit of eosin, fitted to CoNSeP's background."""


@dataclass(frozen=True)
class SlideStyle:
    """The properties that all tiles of one slide share: stains, scanner, and the appearance of nuclei."""

    hematoxylin: Float32[np.ndarray, "3"]
    eosin: Float32[np.ndarray, "3"]
    white: Float32[np.ndarray, "3"]
    hematoxylin_amount: float
    eosin_amount: float
    background_hematoxylin: float
    blur: float
    sharpening: float
    noise: float
    nucleus_size: float
    chromatin: float
    rim: float
    class_darkness: Float32[np.ndarray, "4"]
    pale_share: float
    architecture: Float32[np.ndarray, "8"]


def slide_style(group: str, config: PhantomConfig) -> SlideStyle:
    """Return the style of a slide, a pure function of its name and the configuration.

    Between-slide spreads follow those measured on CoNSeP's tiles (standard deviation of the mean optical
    density of a class, about 18 %; of the background, about 40 %).
    """
    rng = generator("slide", config.seed, group)
    v = config.slide_variation
    return SlideStyle(
        hematoxylin=_jittered(rng, HEMATOXYLIN, 0.05 * v),
        eosin=_jittered(rng, EOSIN, 0.06 * v),
        white=np.asarray(rng.uniform(249 - 6 * v, 252) + rng.normal(0, 1.2 * v, 3), dtype=np.float32),
        hematoxylin_amount=lognormal(rng, 1.0, 0.17 * v),
        eosin_amount=lognormal(rng, 0.93, 0.27 * v),
        background_hematoxylin=lognormal(rng, 0.92, 0.30 * v),
        blur=lognormal(rng, 0.75, 0.35 * v),
        sharpening=float(rng.uniform(0, 0.9)) * v,
        noise=lognormal(rng, 2.2, 0.3 * v),
        nucleus_size=lognormal(rng, 1.0, 0.11 * v),
        chromatin=lognormal(rng, 0.95, 0.22 * v),
        rim=lognormal(rng, 1.0, 0.35 * v),
        class_darkness=np.exp(rng.normal(0, 0.09 * v, 4)).astype(np.float32),
        pale_share=float(rng.uniform(0.05, 0.05 + 0.2 * v)),
        architecture=rng.dirichlet(np.full(8, 0.6)).astype(np.float32),
    )


def render_rgb(
    hematoxylin: Float32[np.ndarray, "h w"],
    eosin: Float32[np.ndarray, "h w"],
    pigment: Float32[np.ndarray, "h w 3"],
    style: SlideStyle,
    rng: np.random.Generator,
) -> UInt8[np.ndarray, "h w 3"]:
    """Mix stain amounts into an RGB image by the Beer-Lambert law, I = I0 · exp(-(H·h + E·e + pigment)).

    Args:
        hematoxylin: amounts in units of the stain vector, at least 0.
        eosin: as for hematoxylin.
        pigment: RGB optical density of objects with their own colour (blood, pigment).
        style: the slide's stains and scanner.
        rng: generator of the scanner's noise.

    Optical density is blurred instead of RGB: light scattered across a dark edge would otherwise bleach it.
    """
    density = (
        (style.hematoxylin_amount * hematoxylin)[..., None] * style.hematoxylin
        + (style.eosin_amount * eosin)[..., None] * style.eosin
        + pigment
    )
    density = cv2.GaussianBlur(density, (0, 0), style.blur)
    image = style.white * np.exp(-density)
    if style.sharpening > 0:
        image += style.sharpening * (image - cv2.GaussianBlur(image, (0, 0), 1.6))
    h, w = hematoxylin.shape
    grain = np.stack([smooth_noise(rng, (h, w), 1.0) for _ in range(2)], axis=-1)
    mixing = np.array(((1, 0.8, 0.9), (-0.6, 0.1, 0.8)), dtype=np.float32)
    image += style.noise * (grain @ mixing + 0.5 * rng.standard_normal((h, w, 1), dtype=np.float32))
    return np.asarray(np.clip(np.rint(image), 0, 255), dtype=np.uint8)


def _jittered(rng: np.random.Generator, vector: Float32[np.ndarray, "3"], sd: float) -> Float32[np.ndarray, "3"]:
    """Return a stain vector turned a little, with its length unchanged."""
    turned = np.maximum(vector + rng.normal(0, sd, 3), 0.05)
    return np.asarray(turned * np.linalg.norm(vector) / np.linalg.norm(turned), dtype=np.float32)
