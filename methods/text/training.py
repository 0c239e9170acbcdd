"""Training of the caption encoder: CLIP's symmetric contrastive loss, in which true captions are never negatives."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.contract import Dataset, RunContext
from bench.training import LossTask, TrainingOptions, fused, save_weights, seeded, train
from bench.training.loop import Batch
from methods.text.captioned import Captioned
from methods.text.config import MEAN, PART, STD, CaptionEncoderPart, CaptionNetwork, CaptionTraining
from methods.text.tokenizer import write_tokenizer

STAGE = PART
# CLIP keeps the factor of its logits below 100.
LARGEST_SCALE = 100.0


def train_caption_encoder(part: CaptionEncoderPart, dataset: Dataset, out: Path, run: RunContext) -> None:
    """Train on the captioned images of a dataset, and write `out`/caption-encoder, which `CLIPModel` opens."""
    folder = out / PART
    folder.mkdir(parents=True, exist_ok=True)
    captions = [record.caption or "" for record in dataset.records]
    tokenizer = write_tokenizer(folder, captions, part.network.merges, part.network.length)
    pairs = Captioned(dataset, tokenizer, part)
    with seeded(run.derive(STAGE, "weights")):
        model = make_model(part.network, tokenizer)
    settings = part.training
    task = LossTask(
        model,
        torch.optim.AdamW(
            _groups(model, settings), lr=settings.learning_rate, betas=(0.9, 0.98), fused=fused(run, on_cpu=False)
        ),
        contrastive_loss,
        rate=partial(rate_at, settings=settings),
        before_step=partial(_bound_scale, model),
        clip=settings.clip,
    )
    options = TrainingOptions(settings.steps, STAGE, channels_last=False)
    trained = train(task, pairs.batch, options, out, run)
    save_encoder(folder, trained["model"])


def make_model(network: CaptionNetwork, tokenizer: Any) -> nn.Module:
    """Return an untrained `CLIPModel` for a tokenizer."""
    from transformers import CLIPConfig, CLIPModel

    text = {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": network.length,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        **_tower(network.text.width, network.text.layers, network.text.heads),
    }
    vision = {
        "image_size": network.image_size,
        "patch_size": network.image_patch,
        **_tower(network.image.width, network.image.layers, network.image.heads),
    }
    model: nn.Module = CLIPModel(
        CLIPConfig(text_config=text, vision_config=vision, projection_dim=network.projection)  # type: ignore[call-arg]
    )
    return model


def contrastive_loss(model: nn.Module, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
    """Return the mean of the cross entropies of images given texts and of texts given images.

    Every text that is true of an image counts as its own, with equal weight: phantoms have few distinct captions.
    """
    mean, std = (torch.tensor(value, device=batch["image"].device).view(1, 3, 1, 1) for value in (MEAN, STD))
    pixels = (batch["image"].to(torch.float32) / 255 - mean) / std
    logits = model(input_ids=batch["tokens"], pixel_values=pixels).logits_per_text
    match = batch["match"]
    losses = [
        nn.functional.cross_entropy(rows, wanted / wanted.sum(1, keepdim=True))
        for rows, wanted in ((logits, match), (logits.T, match.T))
    ]
    return {"loss": (losses[0] + losses[1]) / 2}


def rate_at(step: int, settings: CaptionTraining) -> float:
    """Return the learning rate of a step as a multiple of the highest: a linear rise, and half a cosine over all."""
    rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
    return rise * 0.5 * (1 + math.cos(math.pi * step / settings.steps))


def save_encoder(folder: Path, model: nn.Module) -> None:
    """Write the configurations and the weights next to the tokenizer in a folder."""
    from transformers import CLIPImageProcessor

    config: Any = model.config
    side = config.vision_config.image_size
    processor: Any = CLIPImageProcessor(
        size={"shortest_edge": side},
        crop_size={"height": side, "width": side},
        image_mean=list(MEAN),
        image_std=list(STD),
    )
    processor.save_pretrained(str(folder))
    config.save_pretrained(str(folder))
    save_weights(folder / "model.safetensors", model, {"format": "pt"})


def _tower(width: int, layers: int, heads: int) -> dict[str, int]:
    return {
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
    }


def _groups(model: nn.Module, settings: CaptionTraining) -> list[dict[str, Any]]:
    """Return the parameters; only matrices decay, as in CLIP."""
    matrices = [value for value in model.parameters() if value.ndim > 1]
    others = [value for value in model.parameters() if value.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]


def _bound_scale(model: nn.Module, step: int) -> None:
    scale: Any = model.logit_scale
    scale.data.clamp_(max=math.log(LARGEST_SCALE))
