"""Kinds of tissue: their components, densities and textures, before any pixel is drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bench.datasets.phantom.config import PhantomConfig
from bench.datasets.phantom.stains import SlideStyle


@dataclass(frozen=True)
class Architecture:
    """One kind of tissue. Densities are nuclei per 256 x 256 px of the tissue that holds them."""

    name: str
    glands: str = "none"
    """Epithelium: "none", "glands" (irregular), "crypts" (round, with goblet cells), "nests" or "sheet"."""
    cover: float = 0.0
    """Share of the tile that is epithelium."""
    epithelial: float = 48.0
    inflammatory: float = 5.0
    clustering: float = 1.0
    """Spread of the logarithm of the inflammatory density field."""
    spindle: float = 24.0
    miscellaneous: float = 1.25
    eosin: float = 0.30
    """Eosin of the stroma."""
    fibre: float = 0.32
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
    blood: float = 0.3
    """Mean number of clumps of red blood cells."""


SCENES = (
    Architecture("glandular", glands="glands", cover=0.45, epithelial=54, spindle=29, inflammatory=6),
    Architecture(
        "crypts",
        glands="crypts",
        cover=0.55,
        epithelial=95,
        spindle=17,
        inflammatory=25,
        reticular=0.12,
        eosin=0.22,
    ),
    Architecture("nests", glands="nests", cover=0.40, epithelial=47, spindle=33, inflammatory=11, eosin=0.30),
    Architecture("sheet", glands="sheet", cover=0.86, epithelial=39, spindle=26, inflammatory=6),
    Architecture("fibrous", glands="nests", cover=0.05, spindle=29, inflammatory=6, eosin=0.32, clefts=0.16),
    Architecture("muscle", spindle=14, inflammatory=1.5, eosin=0.48, fibre=0.30, straight=1.0, clefts=0.05, blood=0.2),
    Architecture("inflamed", inflammatory=92, clustering=0.7, spindle=15, eosin=0.20, clefts=0.15, reticular=0.30),
    Architecture("loose", spindle=7, inflammatory=3, eosin=0.14, fibre=0.5, clefts=0.3, mucin=0.4, blood=0.8),
)
"""Kinds of tissue in a nucleus tile, in the order of a slide's own mixture."""

SCENE_SHARES = np.array((0.20, 0.09, 0.17, 0.13, 0.14, 0.08, 0.08, 0.11))
"""Their shares over all slides."""


def random_scene(style: SlideStyle, config: PhantomConfig, rng: np.random.Generator) -> Architecture:
    """Draw the tissue of a tile from its slide's mixture, with its own densities."""
    own = min(0.5 * config.slide_variation, 1.0)
    shares = SCENE_SHARES * (1 - own + own * 8 * style.architecture)
    scene = SCENES[int(rng.choice(len(SCENES), p=shares / shares.sum()))]
    return varied(scene, rng, config)


def varied(scene: Architecture, rng: np.random.Generator, config: PhantomConfig) -> Architecture:
    """Return a kind of tissue with other densities and stroma, as tiles of one kind differ."""

    def times(spread: float) -> float:
        return float(np.exp(rng.normal(0, spread) - spread**2 / 2))

    return replace(
        scene,
        cover=min(scene.cover * times(0.25), 0.95),
        epithelial=scene.epithelial * times(0.2) * config.density,
        inflammatory=scene.inflammatory * times(0.7) * config.density,
        spindle=scene.spindle * times(0.3) * config.density,
        miscellaneous=scene.miscellaneous * times(0.5) * config.density * config.rare,
        eosin=scene.eosin * times(0.25),
        fibre=scene.fibre * times(0.3),
        clefts=scene.clefts * times(0.5),
        mucin=scene.mucin * times(0.5),
        blood=scene.blood * config.distractors,
    )
