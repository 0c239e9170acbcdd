"""The folder of the text-to-image half opens in diffusers and computes the same function."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline

from methods.diffusion.config import SamplerSettings
from methods.diffusion.guidance import guided
from methods.diffusion.sampling import NoiseSource, Sampler
from methods.diffusion.schedule import NoiseSchedule, betas
from methods.latent.autoencoder import load_codec
from methods.latent.conditional import TextDenoiser
from methods.pathdiff.method import PathDiffT
from methods.pathdiff.pipeline import PIPELINE, load_unet, scheduler
from methods.text.tower import load_tower
from tests import toy
from tests.methods.pathdiff.settings import fit_all, tiny


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return fit_all(PathDiffT(tiny()), tmp_path_factory.mktemp("parts"))


def test_diffusers_opens_it_and_draws(fitted: dict[str, Path]) -> None:
    pipeline = DiffusionPipeline.from_pretrained(fitted["text-diffusion"] / PIPELINE, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    images = pipeline("discs on pink", num_inference_steps=2, output_type="np").images
    assert images.shape == (1, 16, 16, 3)
    assert images.std() > 0


def test_images_are_those_of_our_sampler(fitted: dict[str, Path]) -> None:
    """Same noise, same captions, same scale; the pipeline's sampler is set to our steps."""
    folder, run, diffusion = fitted["text-diffusion"], toy.Run(), tiny().text_diffusion.diffusion
    pipeline = DiffusionPipeline.from_pretrained(folder / PIPELINE, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = type(pipeline.scheduler).from_config(scheduler(diffusion).config, steps_offset=0)
    tower = load_tower(fitted["caption-encoder"] / "caption-encoder", 1, run)
    context, null = tower.context(["discs on pink"]), tower.context([""])
    noise = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    theirs = pipeline(
        prompt_embeds=context,
        negative_prompt_embeds=null,
        latents=noise,
        num_inference_steps=10,
        guidance_scale=3.0,
        output_type="pt",
    ).images
    sampler = Sampler(diffusion, SamplerSettings(steps=10, eta=0, clip=False), NoiseSchedule(betas(diffusion)))
    both, network = torch.cat([context, null]), TextDenoiser(load_unet(folder))
    predict = guided(lambda x, times: network(x, times, both), 3.0, learned_variance=False)
    ours = load_codec(fitted["autoencoder"], run).decode(sampler.run(predict, noise, NoiseSource([0])))
    np.testing.assert_allclose(((ours + 1) / 2).clamp(0, 1).numpy(), theirs.numpy(), atol=2e-4)
