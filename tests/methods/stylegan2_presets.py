"""Small settings for tests."""

from __future__ import annotations

from typing import Any

from bench.config.files import merge

TINY: dict[str, Any] = {
    "patch_size": 16,
    "network": {
        "latent": 8,
        "mapping_layers": 2,
        "channel_base": 64,
        "channel_max": 8,
        "statistic_group": 4,
    },
    "training": {"steps": 4, "batch_size": 4, "learning_rate": 2e-3, "ema_ramp": 0.05},
    "selection": [{"rule": "random", "ratio": 0.5}],
}


def tiny(**changes: Any) -> dict[str, Any]:
    """Return the settings with some changed."""
    return dict(merge(TINY, changes))
