"""Training of the vision transformer on one arm."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.atomic import write_text
from bench.contract import Budget, RunContext, TrainingMix
from bench.errors import DataError
from bench.training import LossTask, TrainingOptions, fused, save_weights, seeded, train
from downstream.holdout import hold_out
from downstream.images import ImageStream, LabelledImages, images_per_epoch, synthetic_images
from downstream.vit.augment import augment
from downstream.vit.build import build
from downstream.vit.config import ViTConfig
from downstream.vit.mixing import draw_mask, mix, targets
from downstream.vit.schedule import evaluation_steps, rate, steps_of
from downstream.vit.selection import Selection

WEIGHTS, SETTINGS = "weights.safetensors", "config.json"


def fit(config: ViTConfig, arm: TrainingMix, budget: Budget, out: Path, run: RunContext) -> None:
    """Train on `arm` for `budget`, and write weights and settings to `out`."""
    if not len(arm.real):
        raise DataError("There are no real images to train on", got="an empty dataset")
    classes = list(arm.real.info.labels)
    real = LabelledImages(arm.real)
    split = hold_out(real.labels, arm.real.groups, config.holdout, run.rng("hold-out"))
    synthetic = synthetic_images(arm, frozenset(arm.real.groups[place] for place in split.held))
    images = ImageStream(real.only(split.train), synthetic, arm.fraction, run.derive("image order"))
    fraction = 0 if budget.unit == "real-epochs" else arm.fraction
    epoch = images_per_epoch(len(split.train), fraction, 0 if synthetic is None else len(synthetic))
    steps = steps_of(budget, epoch, config.batch)
    with seeded(run.derive("initial weights")):
        network = build(config, len(classes))
    optimizer = torch.optim.AdamW(_groups(network, config.weight_decay), config.learning_rate, fused=fused(run))
    task = LossTask(
        network,
        optimizer,
        _loss(config, len(classes)),
        rate=lambda step: rate(step, steps, config),
        clip=config.clip,
    )
    selection = None
    if split.held:
        after = evaluation_steps(steps, config.evaluations)
        selection = Selection(real.only(split.held), config.size, after, config.selection == "best", run)
    # Images have their channels last already, and the blocks have no four-dimensional tensors that would profit.
    options = TrainingOptions(steps, "vit", ema=config.ema, channels_last=False)
    trained = train(task, _batches(config, images), options, out, run, selection)["model"]
    if selection is not None and config.selection == "best":
        trained.load_state_dict(selection.weights)
    save_weights(out / WEIGHTS, trained)
    settings: dict[str, Any] = {"config": config.model_dump(mode="json"), "classes": classes, "steps": steps}
    if selection is not None:
        held = {"images": len(split.held), "accuracy": selection.accuracy, "cross_entropy": selection.loss}
        settings["selected"] = {"after_step": selection.step, "hold_out": held}
    write_text(out / SETTINGS, json.dumps(settings, indent=1, sort_keys=True), sole=True)


def _batches(config: ViTConfig, images: ImageStream) -> Callable[[int, np.random.Generator], Mapping[str, Any]]:
    def make_batch(step: int, rng: np.random.Generator) -> Mapping[str, Any]:
        drawn = [images.image(index) for index in range(step * config.batch, (step + 1) * config.batch)]
        mask = draw_mask(config.size, config.recipe, rng)
        return {
            **({} if mask is None else {"mask": mask}),
            "images": np.stack([augment(image.image, config.size, config.recipe, rng) for image in drawn]),
            "labels": np.array([image.label for image in drawn], np.int64),
        }

    return make_batch


def _loss(
    config: ViTConfig, classes: int
) -> Callable[[nn.Module, Mapping[str, Any], torch.Generator], Mapping[str, Tensor]]:
    def loss(model: nn.Module, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Tensor]:
        mask = batch.get("mask")
        images = batch["images"] if mask is None else mix(batch["images"], mask)
        wanted = targets(batch["labels"], classes, config.recipe.smoothing, mask)
        return {"loss": functional.cross_entropy(model(images).float(), wanted)}

    return loss


def _groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Divide the parameters into two groups: biases, norms, tokens and positions have no weight decay."""
    exempt = {"vit." + name for name in network.vit.no_weight_decay()}  # type: ignore[operator, union-attr]
    named = list(network.named_parameters())
    free = [p for name, p in named if p.ndim <= 1 or name in exempt]
    decayed = [p for name, p in named if p.ndim > 1 and name not in exempt]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]
