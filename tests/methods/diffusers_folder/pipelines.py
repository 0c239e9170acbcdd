"""Tiny pipelines with random weights, saved to disk, and the method that draws with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    DDIMScheduler,
    DDPMPipeline,
    DDPMScheduler,
    DiffusionPipeline,
    StableDiffusionControlNetPipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
    UNet2DModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from bench.contract import Condition
from methods.diffusers_folder import DiffusersFolder
from tests import toy

SIZE, PATCH = 16, 16
WIDTH = 8
COLOURS = {"miscellaneous": [255, 0, 0], "inflammatory": [0, 255, 0], "epithelial": [0, 0, 255], "spindle": [255] * 3}
MASK = {"conditions": ["mask"], "mask": {"colours": COLOURS}}
_UNET = {
    "block_out_channels": (WIDTH, WIDTH),
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "attention_head_dim": 4,
    "cross_attention_dim": WIDTH,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
}


@dataclass
class Run(toy.Run):
    """A run with a folder."""

    folder: Path = Path()


@cache
def text_pipeline() -> Path:
    """Save a text-to-image pipeline of Stable Diffusion's kind."""
    return _saved(StableDiffusionPipeline(**_parts(0), **_UNCHECKED))


@cache
def mask_pipeline() -> Path:
    """Save the same pipeline with a ControlNet."""
    return _saved(StableDiffusionControlNetPipeline(**_parts(0), controlnet=_controlnet(3), **_UNCHECKED))


@cache
def controlnet(channels: int = 3) -> Path:
    """Save a ControlNet alone."""
    folder = Path(mkdtemp(prefix="controlnet-"))
    _controlnet(channels).save_pretrained(folder)
    return folder


@cache
def plain_pipeline() -> Path:
    """Save an unconditional pipeline."""
    torch.manual_seed(1)
    unet = UNet2DModel(
        sample_size=SIZE,
        block_out_channels=(WIDTH, WIDTH),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
    )
    return _saved(DDPMPipeline(unet, DDPMScheduler()))


def method(pipeline: Path | str, **changes: Any) -> DiffusersFolder:
    """Make the method for a pipeline, with few steps and small patches."""
    values = {"pipeline": str(pipeline), "patch_size": PATCH, "grid": 4, "steps": 2, "ratio": 1.0, **changes}
    return DiffusersFolder(DiffusersFolder.Config.model_validate(values))


def draw(how: DiffusersFolder, conditions: list[Condition], data: dict[str, Any], **run: Any) -> list[np.ndarray]:
    """Render conditions."""
    return list(how.render(conditions, data, {}, Run(**run)))


_UNCHECKED = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}


def _parts(seed: int) -> dict[str, Any]:
    torch.manual_seed(seed)
    vae = AutoencoderKL(
        block_out_channels=(WIDTH, WIDTH),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=SIZE,
    )
    unet = UNet2DConditionModel(sample_size=SIZE // 2, up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), **_UNET)
    tokenizer = _tokenizer()
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        hidden_size=WIDTH,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
    )
    return {
        "vae": vae,
        "text_encoder": CLIPTextModel(text).eval(),
        "tokenizer": tokenizer,
        "unet": unet,
        "scheduler": DDIMScheduler(steps_offset=1, clip_sample=False),
    }


def _controlnet(channels: int) -> ControlNetModel:
    torch.manual_seed(2)
    network = ControlNetModel(conditioning_channels=channels, conditioning_embedding_out_channels=(4, 8), **_UNET)
    for parameter in network.parameters():  # its outputs begin with zeros: then the mask would change nothing
        torch.nn.init.normal_(parameter, std=0.3)
    return network


def _tokenizer() -> CLIPTokenizer:
    """Make a tokenizer that knows single letters."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    folder = Path(mkdtemp(prefix="tokenizer-"))
    (folder / "vocab.json").write_text(json.dumps({token: place for place, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer.from_pretrained(folder, model_max_length=77)


def _saved(pipeline: DiffusionPipeline) -> Path:
    folder = Path(mkdtemp(prefix="pipeline-"))
    pipeline.save_pretrained(folder)
    return folder
