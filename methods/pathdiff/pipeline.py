"""The text-to-image half as a folder that diffusers opens: `DiffusionPipeline.from_pretrained(folder / "pipeline")`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel

from methods.latent.autoencoder import load_autoencoder
from methods.latent.conditional import UNET
from methods.latent.folders import load_model, publish
from methods.latent.text_config import TextProcess
from methods.quiet import quiet

PIPELINE = "pipeline"


def save_pipeline(
    folder: Path, unet: UNet2DConditionModel, diffusion: TextProcess, autoencoder: Path, tower: Path
) -> None:
    """Write denoiser, first stage, text tower, tokenizer and schedule as a pipeline of diffusers.

    diffusers' pipeline reads one window of a caption's tokens, where PathLDM reads two; pass `prompt_embeds` for more.
    """
    from transformers import CLIPTextModel, CLIPTokenizer

    with quiet():
        pipeline = StableDiffusionPipeline(
            vae=load_autoencoder(autoencoder),
            text_encoder=CLIPTextModel.from_pretrained(str(tower), local_files_only=True, dtype=torch.float32),
            tokenizer=CLIPTokenizer.from_pretrained(str(tower), local_files_only=True),
            unet=unet,
            scheduler=scheduler(diffusion),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        publish(folder / PIPELINE, lambda to: pipeline.save_pretrained(to, safe_serialization=True))


def load_unet(folder: Path) -> UNet2DConditionModel:
    """Load the denoiser of a pipeline folder, on the CPU."""
    return load_model(folder / PIPELINE / UNET, UNet2DConditionModel)


def scheduler(diffusion: TextProcess) -> DDIMScheduler:
    """Return diffusers' DDIM sampler with a schedule of ours.

    Its steps are later by one than those of `strided`, which Stable Diffusion's pipelines require.
    """
    schedules: dict[str, Any] = {"linear": "linear", "sqrt-linear": "scaled_linear"}
    scale = 1000 / diffusion.steps
    return DDIMScheduler(
        num_train_timesteps=diffusion.steps,
        beta_start=scale * diffusion.beta_start,
        beta_end=scale * diffusion.beta_end,
        beta_schedule=schedules[diffusion.schedule],
        prediction_type="v_prediction" if diffusion.prediction == "v" else "epsilon",
        clip_sample=False,
        set_alpha_to_one=True,
        timestep_spacing="leading",
        steps_offset=1,
    )
