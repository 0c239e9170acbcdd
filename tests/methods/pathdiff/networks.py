"""Small networks and settings that the tests of PathDiff share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers import ControlNetModel, UNet2DConditionModel

from methods.latent.conditional import Controlled, make_control, make_text_unet
from methods.latent.text_config import ControlSettings, TextUNetSettings

CONTEXT, TOKENS = 12, 5
SETTINGS = TextUNetSettings(width=8, multipliers=(1, 2), blocks=1, attention_factors=(2,), groups=4)
HINTS = ControlSettings(hint_channels=(8, 8), hint_scale=0.01)


@contextmanager
def seeded(seed: int = 0) -> Iterator[None]:
    """Make random numbers of torch repeatable inside the block."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def small_networks(seed: int = 0) -> tuple[UNet2DConditionModel, ControlNetModel, Controlled]:
    """Return a denoiser for 8 x 8 latents of 16 px images, a new control branch, and both joined."""
    with seeded(seed):
        unet = make_text_unet(SETTINGS, (4, 8, 8), CONTEXT)
        control = make_control(unet, HINTS, 6, 2)
    return unet, control, Controlled(unet, control, HINTS.hint_scale)


def inputs(n: int = 2) -> dict[str, Any]:
    """Return latents, steps, features of captions and hints."""
    with seeded(5):
        return {
            "x": torch.randn(n, 4, 8, 8),
            "times": torch.tensor([900, 10])[:n],
            "context": torch.randn(n, TOKENS, CONTEXT),
            "hint": torch.randint(0, 256, (n, 6, 16, 16)).float(),
        }
