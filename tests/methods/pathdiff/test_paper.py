"""The published sizes are built, and take one training step and one sampling step at batch 1 on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig

from methods.pathdiff import PathDiffMT
from methods.pathdiff.config import PathDiffConfig
from methods.text.config import SIZES
from methods.text.training import train_caption_encoder
from tests import toy
from tests.methods.pathdiff.settings import datasets

SIZE = 256


def published_tower(root: Path) -> Path:
    """Write a CLIP whose text tower has the width and the length of PLIP's, and a tokenizer that our tests have."""
    train_caption_encoder(SIZES["tiny"], datasets()["text"], root, toy.Run())
    folder = root / "caption-encoder"
    text = CLIPTextConfig(
        hidden_size=512, intermediate_size=512, num_hidden_layers=1, num_attention_heads=8, max_position_embeddings=77
    )
    vision = CLIPVisionConfig(hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2)
    with torch.random.fork_rng():
        CLIPModel(CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict())).save_pretrained(folder)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_one_step_of_training_and_sampling_at_the_published_size(tmp_path: Path) -> None:
    once: dict[str, Any] = {"steps": 1, "batch_size": 1}
    config = PathDiffConfig.model_validate(
        {
            "text": {"weights": published_tower(tmp_path / "clip")},
            "autoencoder": {"training": once | {"accumulate": 1}},
            "text_diffusion": {"training": once},
            "control": {"training": once},
            "sampler": {"steps": 1, "eta": 1.0, "clip": False},
        }
    )
    assert config.patch_size == SIZE
    method = PathDiffMT(config)
    data = {
        "train": toy.NucleiDataset(n_tiles=1, size=SIZE),
        "text": toy.NucleiDataset(n_tiles=1, size=SIZE, seed=3, split="text"),
    }
    fitted: dict[str, Path] = {}
    for part in method.parts():
        fitted[part.name] = tmp_path / part.name
        fitted[part.name].mkdir()
        read = {role: dataset for role, dataset in data.items() if role in part.reads}
        method.fit(part, read, {name: fitted[name] for name in part.needs}, fitted[part.name], toy.Run(threads=2))
    condition = next(iter(method.plan(data, 1, np.random.default_rng(0))))
    (image,) = method.render([condition], data, fitted, toy.Run(threads=2))
    assert image.shape == (SIZE, SIZE, 3)
    assert image.std() > 0
