"""Numerics: arrays in, numbers out.

The one-call functions are attributes of this package and are loaded when first used, so that `metrics.uncertainty` and
`metrics.table` never import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metrics.frechet import FrechetDistance, frechet_distance
    from metrics.instances import InstanceScores, score_instances
    from metrics.kernel import KernelDistance, kernel_distance
    from metrics.table import METRICS, Metric

__all__ = [
    "METRICS",
    "FrechetDistance",
    "InstanceScores",
    "KernelDistance",
    "Metric",
    "frechet_distance",
    "kernel_distance",
    "score_instances",
]

_HOME = {
    "METRICS": "metrics.table",
    "FrechetDistance": "metrics.frechet",
    "InstanceScores": "metrics.instances",
    "KernelDistance": "metrics.kernel",
    "Metric": "metrics.table",
    "frechet_distance": "metrics.frechet",
    "kernel_distance": "metrics.kernel",
    "score_instances": "metrics.instances",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'metrics' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
