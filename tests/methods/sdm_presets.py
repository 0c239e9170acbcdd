"""Small settings for tests."""

from __future__ import annotations

from typing import Any

from bench.config.files import merge

TINY: dict[str, Any] = {
    "patch_size": 32,
    "network": {
        "width": 8,
        "multipliers": [1, 2],
        "blocks": 1,
        "attention": [16],
        "head_channels": 8,
        "label_channels": 8,
        "groups": 4,
    },
    "diffusion": {"prediction": "edm", "learned_variance": False, "times": "log-normal"},
    "training": {
        "steps": 4,
        "batch_size": 2,
        "learning_rates": [1e-3, 1e-3],
        "condition_dropout": [0.1, 0.1],
        "ema": 0.9,
        "recompute": False,
    },
    "sampler": {"steps": 4},
}


def tiny(**changes: Any) -> dict[str, Any]:
    """Return the settings with some changed."""
    return dict(merge(TINY, changes))
