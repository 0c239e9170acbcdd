"""The tiny settings of PathDiff and training of all parts, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.config.files import card
from bench.contract import Dataset, MethodBase
from methods.pathdiff.config import PathDiffConfig
from tests import toy


def tiny(**changed: Any) -> PathDiffConfig:
    """Return the settings of preset tiny, for 16 px patches."""
    values = card("methods", "pathdiff-m")["presets"]["tiny"] | {"patch_size": 16} | changed
    return PathDiffConfig.model_validate(values)


def datasets() -> dict[str, Dataset]:
    """Return masks and captions that share no image."""
    return {
        "train": toy.NucleiDataset(n_tiles=2, size=32),
        "text": toy.NucleiDataset(n_tiles=2, size=32, seed=5, split="text"),
    }


def fit_all(method: MethodBase, root: Path, data: Mapping[str, Dataset] | None = None) -> dict[str, Path]:
    """Train every part of a method into folders below `root`."""
    given, fitted = datasets() if data is None else data, dict[str, Path]()
    for part in method.parts():
        out = root / part.name
        out.mkdir(parents=True)
        read = {role: dataset for role, dataset in given.items() if role in part.reads}
        method.fit(part, read, {name: fitted[name] for name in part.needs}, out, toy.Run())
        fitted[part.name] = out
    return fitted
