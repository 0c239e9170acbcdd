"""Training of a nucleus network on one arm."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.atomic import write_text
from bench.contract import Budget, RunContext, TrainingMix
from bench.training import LossTask, TrainingOptions, fused, save_weights, seeded, train
from downstream.nuclei.division import divide
from downstream.nuclei.family import Family, Subject
from downstream.nuclei.schedule import Epoch, Schedule
from downstream.nuclei.selection import Selection
from downstream.nuclei.settings import NucleusSettings, Phase
from downstream.patches import PatchStream, patches_per_epoch

WEIGHTS, SETTINGS = "weights.safetensors", "config.json"


def fit(
    kind: type[Family], config: NucleusSettings, mix: TrainingMix, budget: Budget, out: Path, run: RunContext
) -> None:
    """Train on `mix` for `budget`, and write weights and settings to `out`."""
    mix, held = divide(config, mix, run.rng("hold-out"))
    family = kind(config, Subject.of(mix.real.info), kind.measure(mix))
    schedule = Schedule(config.phases, budget, _epoch(mix, family))
    with seeded(run.derive("initial weights")):
        network = family.build()
    trained_encoder = family.start(network)
    moment = _Moment(schedule, family.encoder(network), trained_encoder)
    task = LossTask(
        network,
        _optimizer(config, network, fused(run, on_cpu=False)),
        _loss(family, moment),
        rate=lambda step: schedule.rate(step, config.schedule, config.decay),
        before_step=moment.before_step,
        clip=config.clip,
    )
    keep = config.selection == "best"
    selection = None
    if held is not None and len(held):
        selection = Selection(family, held, schedule.evaluations(config.evaluations), keep, run)
    options = TrainingOptions(schedule.steps, family.name, ema=config.ema)
    trained = train(task, _batches(family, _stream(family, mix, run), schedule), options, out, run, selection)["model"]
    if selection is not None and keep:
        trained.load_state_dict(selection.weights)
    save_weights(out / WEIGHTS, trained)
    facts: dict[str, Any] = {"steps": schedule.steps, "encoder": "file" if trained_encoder else "random"}
    if selection is not None:
        facts["selected"] = {"after_step": selection.step, "dice": selection.dice, "tiles": len(selection.held)}
    write_settings(out, family, facts | _mirrored(mix, family.sizes.patch))


def planned_steps(kind: type[Family], config: NucleusSettings, mix: TrainingMix, budget: Budget) -> int:
    """Return the steps of a training without dividing its tiles: a share that is held out shortens every epoch."""
    epoch = _epoch(mix, kind(config, Subject.of(mix.real.info), {}))
    used = 1 - config.holdout if mix.validation is None else 1.0
    return Schedule(config.phases, budget, Epoch(round(epoch.real * used), round(epoch.mix * used))).steps


def write_settings(out: Path, family: Family, facts: Mapping[str, Any]) -> None:
    """Write all that prediction needs next to the weights, and facts about the training."""
    settings = {
        "config": family.config.model_dump(mode="json"),
        **family.subject._asdict(),
        "numbers": dict(family.numbers),
        **facts,
    }
    write_text(out / SETTINGS, json.dumps(settings, indent=1, sort_keys=True), sole=True)


class _Moment:
    """The phase of the current step; freezes and thaws the encoder, which is never frozen if its weights are random."""

    def __init__(self, schedule: Schedule, encoder: Any, trained: bool) -> None:
        self._schedule, self._trained = schedule, trained
        # what a network itself keeps frozen stays so
        self._parameters = [p for module in encoder for p in module.parameters() if p.requires_grad]
        self.phase: Phase = schedule.at(0).phase

    def before_step(self, step: int) -> None:
        self.phase = self._schedule.at(step).phase
        frozen = self._trained and self.phase.freeze_encoder
        for parameter in self._parameters:
            parameter.requires_grad_(not frozen)


def _epoch(mix: TrainingMix, family: Family) -> Epoch:
    size = family.sizes
    real = patches_per_epoch(TrainingMix(mix.real), size.patch, size.output)
    return Epoch(real, patches_per_epoch(mix, size.patch, size.output))


def _stream(family: Family, mix: TrainingMix, run: RunContext) -> PatchStream:
    return PatchStream(
        mix,
        family.sizes.patch,
        family.sizes.context,
        family.config.augmentation,
        run.derive("synthetic order"),
        weights=family.oversampling(family.config, mix.real.records),
        augment=family.augment,
    )


def _batches(
    family: Family, stream: PatchStream, schedule: Schedule
) -> Callable[[int, np.random.Generator], Mapping[str, Any]]:
    def make_batch(step: int, rng: np.random.Generator) -> Mapping[str, Any]:
        patches = [stream.patch(index, rng) for index in schedule.patches(step)]
        targets = [family.targets(patch) for patch in patches]
        typed = np.array([patch.typed for patch in patches])
        partly = {} if typed.all() else {"typed": typed}
        stacked = {name: np.stack([target[name] for target in targets]) for name in targets[0]}
        return {**partly, "images": np.stack([patch.image for patch in patches]), **stacked}

    return make_batch


def _loss(
    family: Family, moment: _Moment
) -> Callable[[nn.Module, Mapping[str, Any], torch.Generator], Mapping[str, Tensor]]:
    def loss(model: nn.Module, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Tensor]:
        return family.loss(model(batch["images"]), batch, batch.get("typed"), moment.phase)

    return loss


def _optimizer(config: NucleusSettings, network: nn.Module, in_one: bool | None) -> torch.optim.Optimizer:
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimizer]
    parameters = [p for p in network.parameters() if p.requires_grad]
    optimizer: torch.optim.Optimizer = kind(
        parameters, lr=config.learning_rate, betas=config.betas, weight_decay=config.weight_decay, fused=in_one
    )
    return optimizer


def _mirrored(mix: TrainingMix, size: int) -> dict[str, Any]:
    """Return how synthetic patches that are smaller than the network's input were enlarged, if there are any."""
    if mix.synthetic is None or mix.fraction == 0:
        return {}
    side = min(min(record.height, record.width) for record in mix.synthetic.records)
    return {"synthetic_fit": {"side": side, "input": size, "how": "mirror"}} if side < size else {}
