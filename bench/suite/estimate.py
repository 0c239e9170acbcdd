"""Estimates of what planned steps cost: from the store's own costs, else from the reference of their preset."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from bench.config import Preset
from bench.config.files import folder, read_yaml
from bench.config.validate import build
from bench.contract import Budget, Settings
from bench.digest import digest
from bench.engine.step import Step
from bench.stages.train import Train

_DRAWN = ("synthesize", "render-masks", "render-captions")


class Reference(Settings):
    """Rough costs of the steps of a preset, and the machine that they are for.

    Seconds are per optimiser step for `fit` and `train`, per image for `draw`, and per step for `other`. `part_mib` and
    `network_mib` are checkpoints; `image_kib` is a stored patch with its labels.
    """

    machine: str
    fit: float
    train: float
    draw: float
    other: float
    part_mib: float
    network_mib: float
    image_kib: float


class Estimate(NamedTuple):
    """Seconds, peak memory and bytes of a step, and whether the first two were measured in this store."""

    seconds: float
    memory_gib: float
    size: float
    measured: bool


class Measured(NamedTuple):
    """What steps of one kind cost in a store: mean seconds per unit, and the largest peak of memory."""

    seconds: float
    memory_gib: float


class Estimates:
    """What steps of a preset cost on this machine, as far as the store tells, or on the machine of the reference."""

    def __init__(self, store: Path, preset: Preset) -> None:
        """Read the costs of the store's finished steps."""
        self._known = _measured(store)
        self._memory_gib = preset.memory_gib
        self.reference = reference(preset.name)

    def of(self, step: Step) -> Estimate:
        """Return what a step costs."""
        name, units = _kind(step.stage, _config(step))
        known = self._known.get(name)
        if known is not None:
            return Estimate(known.seconds * units, known.memory_gib, self._size(step), measured=True)
        return Estimate(self._seconds(step), self._memory_gib, self._size(step), measured=False)

    def _seconds(self, step: Step) -> float:
        costs, config = self.reference, _config(step)
        if step.stage == "fit":
            return costs.fit * _fit_steps(config)
        if step.stage == "train":
            return costs.train * _train_steps(step)
        return costs.draw * int(config.get("n", 1)) if step.stage in _DRAWN else costs.other

    def _size(self, step: Step) -> float:
        costs = self.reference
        if step.stage in ("fit", "train"):
            return 2**20 * (costs.part_mib if step.stage == "fit" else costs.network_mib)
        drawn = step.stage in (*_DRAWN, "select", "subset")
        return 2**10 * costs.image_kib * int(_config(step).get("n", 1)) if drawn else 0.0


def reference(preset: str) -> Reference:
    """Return the reference of a preset."""
    known = read_yaml(folder() / "estimates.yaml")
    return build(Reference, known.get(preset) or known["paper"], "configs/estimates.yaml")


def _config(step: Step) -> Mapping[str, Any]:
    config = step.config
    return config if isinstance(config, Mapping) else {}


def _kind(stage: str, config: Mapping[str, Any]) -> tuple[str, int]:
    """Return what steps of equal cost have in common, and by how much their cost is multiplied."""
    left = {key: value for key, value in config.items() if key not in ("n", "fraction", "window_seed")}
    if stage in ("fit", "train", "predict", *_DRAWN):
        return digest([stage, left]), int(config.get("n", 1)) if stage in _DRAWN else 1
    return stage, 1


def _measured(store: Path) -> dict[str, Measured]:
    """Return what each kind of step cost in a store."""
    found: dict[str, list[Measured]] = defaultdict(list)
    for name, cost in _costs(store):
        found[name].append(cost)
    return {
        name: Measured(mean(one.seconds for one in costs), max(one.memory_gib for one in costs))
        for name, costs in found.items()
    }


def _costs(store: Path) -> Iterator[tuple[str, Measured]]:
    """Yield what finished steps cost; one whose record cannot be read tells nothing."""
    for path in (store / "jobs").glob("*/*/job.json"):
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            config = document["config"] if isinstance(document.get("config"), dict) else {}
            name, units = _kind(document["stage"], config)
            seconds, memory = document["cost"]["seconds"], document["cost"]["peak_rss_mib"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        yield name, Measured(float(seconds) / max(1, units), float(memory) / 1024)


def _fit_steps(config: Mapping[str, Any]) -> int:
    """Return the optimiser steps of a part, as far as its settings say; 0 for a part that is not trained by steps."""
    training = config.get("training", config)
    if not isinstance(training, Mapping):
        return 0
    return int(training.get("steps") or 0) or int(training.get("epochs") or 0) * 1000


def _train_steps(step: Step) -> int:
    """Return the optimiser steps of a training, as its network counts them."""
    assert isinstance(step, Train)
    return step.network.plugin.steps(step.mix, Budget(step.budget.unit, step.budget.amount))
