"""Kinds of tissue: what is mixed, how densely and with which texture, before any pixel is drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bench.datasets.phantom.config import PhantomConfig
from bench.datasets.phantom.stains import SlideStyle


@dataclass(frozen=True)
class Architecture:
    """One kind of tissue. Densities are nuclei in 256 x 256 px of the tissue they lie in."""

    name: str
    glands: str = "none"
    """Epithelium: "none", "glands" (irregular, with lumen), "crypts" (round, goblet cells), "nests" or "sheet"."""
    cover: float = 0.0
    """Share of the tile that is epithelium."""
    epithelial: float = 46.0
    inflammatory: float = 5.0
    clustering: float = 1.0
    """Spread of the logarithm of the inflammatory density field."""
    spindle: float = 24.0
    miscellaneous: float = 1.3
    eosin: float = 0.30
    """Eosin of the stroma."""
    fibre: float = 0.35
    """Contrast of fibres, relative to the stroma's eosin."""
    straight: float = 0.5
    """0: wavy fibres, 1: straight parallel ones."""
    clefts: float = 0.12
    """Share of the stroma that is pale gaps."""
    reticular: float = 0.0
    """Share of the stroma that is holes between cells."""
    mucin: float = 0.0
    """Strength of mucin pools."""
    fat: float = 0.0
    """1: fat cells instead of stroma."""
    necrosis: float = 0.0
    """Strength of granular debris."""
    blood: float = 0.5
    """Expected clumps of red blood cells."""


SCENES = (
    Architecture("glandular", glands="glands", cover=0.55, spindle=24, inflammatory=6),
    Architecture(
        "crypts", glands="crypts", cover=0.60, spindle=18, inflammatory=13, reticular=0.12, eosin=0.24
    ),
    Architecture("nests", glands="nests", cover=0.45, spindle=32, inflammatory=9, eosin=0.32),
    Architecture("sheet", glands="sheet", cover=0.88, epithelial=44, spindle=22, inflammatory=5),
    Architecture("fibrous", glands="nests", cover=0.06, spindle=27, inflammatory=6, eosin=0.34, clefts=0.16),
    Architecture(
        "muscle", spindle=18, inflammatory=1.5, eosin=0.52, fibre=0.30, straight=1.0, clefts=0.05, blood=0.2
    ),
    Architecture(
        "inflamed", inflammatory=48, clustering=0.8, spindle=15, eosin=0.20, clefts=0.15, reticular=0.25
    ),
    Architecture(
        "loose", spindle=13, inflammatory=5, eosin=0.15, fibre=0.5, clefts=0.3, mucin=0.4, blood=1.2
    ),
)
"""Kinds of tissue in a nucleus tile, in the order of a slide's own mixture."""

SCENE_SHARES = np.array((0.22, 0.10, 0.17, 0.15, 0.14, 0.06, 0.08, 0.08))
"""Their shares over all slides."""


def random_scene(style: SlideStyle, config: PhantomConfig, rng: np.random.Generator) -> Architecture:
    """Draw the tissue of a tile from its slide's mixture, with its own densities."""
    own = min(0.5 * config.slide_variation, 1.0)
    shares = SCENE_SHARES * (1 - own + own * 8 * style.architecture)
    scene = SCENES[int(rng.choice(len(SCENES), p=shares / shares.sum()))]
    return varied(scene, rng, config)


def varied(scene: Architecture, rng: np.random.Generator, config: PhantomConfig) -> Architecture:
    """Vary the densities and the stroma of a kind of tissue, as tiles of one kind differ."""

    def times(spread: float) -> float:
        return float(np.exp(rng.normal(0, spread) - spread**2 / 2))

    return replace(
        scene,
        cover=min(scene.cover * times(0.25), 0.95),
        epithelial=scene.epithelial * times(0.2) * config.density,
        inflammatory=scene.inflammatory * times(0.7) * config.density,
        spindle=scene.spindle * times(0.3) * config.density,
        miscellaneous=scene.miscellaneous * times(0.8) * config.density * config.rare,
        eosin=scene.eosin * times(0.25),
        fibre=scene.fibre * times(0.3),
        clefts=scene.clefts * times(0.5),
        mucin=scene.mucin * times(0.5),
        blood=scene.blood * config.distractors,
    )
