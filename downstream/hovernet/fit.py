"""Training of HoVer-Net on one arm."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.contract import Budget, RunContext, TrainingMix
from bench.training import LossTask, TrainingOptions, load_weights, save_weights, seeded, train
from downstream.hovernet.build import Sizes, build, sizes
from downstream.hovernet.config import HoVerNetConfig
from downstream.hovernet.losses import hovernet_loss
from downstream.hovernet.schedule import Schedule
from downstream.patches import PatchStream, patches_per_epoch
from downstream.targets import make_targets

WEIGHTS, SETTINGS = "weights.safetensors", "config.json"


def fit(config: HoVerNetConfig, mix: TrainingMix, budget: Budget, out: Path, run: RunContext) -> None:
    """Train on `mix` for `budget`, and write weights and settings to `out`."""
    info, size = mix.real.info, sizes(config)
    stream = PatchStream(mix, size.patch, size.context, config.augmentation, run.derive("synthetic order"))
    schedule = Schedule(config.phases, budget, patches_per_epoch(mix, size.patch, size.output))
    with seeded(run.derive("initial weights")):
        network = build(config, len(info.classes))
    if config.pretrained is not None:
        load_weights(config.pretrained, network)
    task = LossTask(
        network,
        _optimizer(config, network),
        _loss(config),
        rate=lambda step: schedule.rate(step, config.schedule),
        before_step=_freezing(config, network, schedule),
        clip=config.clip,
    )
    options = TrainingOptions(schedule.steps, "hovernet", ema=config.ema)
    trained = train(task, _batches(stream, schedule, size, info.mpp), options, out, run)
    save_weights(out / WEIGHTS, trained["model"])
    settings = {"config": config.model_dump(mode="json"), "classes": list(info.classes), "mpp": info.mpp}
    temporary = out / (SETTINGS + ".tmp")
    temporary.write_text(json.dumps(settings, indent=1, sort_keys=True), encoding="utf-8")
    os.replace(temporary, out / SETTINGS)


def _batches(
    stream: PatchStream, schedule: Schedule, size: Sizes, mpp: float
) -> Callable[[int, np.random.Generator], Mapping[str, Any]]:
    def make_batch(step: int, rng: np.random.Generator) -> Mapping[str, Any]:
        patches = [stream.patch(index, rng) for index in schedule.patches(step)]
        targets = [make_targets(patch.instances, patch.types, size.output, mpp) for patch in patches]
        typed = np.array([patch.typed for patch in patches])
        partly = {} if typed.all() else {"typed": typed}
        return {
            **partly,
            "images": np.stack([patch.image for patch in patches]),
            "nucleus": np.stack([target.nucleus for target in targets]),
            "hv": np.stack([np.moveaxis(target.hv, -1, 0) for target in targets]),
            "types": np.stack([target.types for target in targets]),
        }

    return make_batch


def _loss(config: HoVerNetConfig) -> Callable[[nn.Module, Mapping[str, Any], torch.Generator], Mapping[str, Tensor]]:
    def loss(model: nn.Module, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Tensor]:
        output = model(batch["images"])
        return hovernet_loss(
            output, batch["nucleus"], batch["hv"], batch["types"], config.loss, typed=batch.get("typed")
        )

    return loss


def _optimizer(config: HoVerNetConfig, network: nn.Module) -> torch.optim.Optimizer:
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimizer]
    optimizer: torch.optim.Optimizer = kind(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    return optimizer


def _freezing(config: HoVerNetConfig, network: nn.Module, schedule: Schedule) -> Callable[[int], None]:
    """Return a function that freezes and unfreezes the encoder; without pre-trained weights it is never frozen."""
    may_freeze = config.encoder_weights is not None or config.pretrained is not None
    parameters = [p for module in network.encoder() for p in module.parameters()]  # type: ignore[operator]

    def before_step(step: int) -> None:
        frozen = may_freeze and schedule.at(step).phase.freeze_encoder
        for parameter in parameters:
            parameter.requires_grad_(not frozen)

    return before_step
