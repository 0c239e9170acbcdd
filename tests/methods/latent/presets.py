"""Small settings and toy tissue for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.config.files import merge
from bench.contract import Sample
from tests.toy_tissue import COLOURS, TissueDataset

AUTOENCODER: dict[str, Any] = {
    "patch_size": 16,
    "network": {"width": 8, "multipliers": [1, 2], "blocks": 1, "groups": 4, "middle_attention": False},
    "training": {
        "steps": 4,
        "batch_size": 4,
        "accumulate": 1,
        "learning_rate": 1e-3,
        "discriminator_start": 2,
        "discriminator_width": 4,
        "discriminator_layers": 1,
    },
}


def autoencoder(**changes: Any) -> dict[str, Any]:
    return dict(merge(AUTOENCODER, changes))


class Stripes(TissueDataset):
    """Colours of a class with dark stripes whose direction and place vary: something that a mean image cannot show."""

    def __getitem__(self, index: int) -> Sample:
        plain, rng = super().__getitem__(index), np.random.default_rng((self.seed, index, 7))
        angle, phase = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
        rows, columns = np.mgrid[: self.size, : self.size]
        wave = np.sin((rows * np.cos(angle) + columns * np.sin(angle)) * 2 * np.pi / 8 + phase)
        image = COLOURS[index % 3] * (0.8 + 0.25 * wave[..., None]) + rng.normal(0, 4, (self.size, self.size, 3))
        return Sample(plain.id, np.clip(image, 0, 255).astype(np.uint8), plain.group, self.mpp, label=plain.label)


class Unlabelled(Stripes):
    """The same without classes, as a pool is."""

    def __getitem__(self, index: int) -> Sample:
        plain = super().__getitem__(index)
        return Sample(plain.id, plain.image, plain.group, plain.mpp)


class KilledError(Exception):
    """What a run dies of."""
