"""What the folders of trained parts say about their networks."""

from __future__ import annotations

from bench.contract import Settings
from methods.latent.text_config import ControlPart, ReleasedControlPart, ReleasedTextDiffusionPart, TextDiffusionPart

DENOISER_FLAGS, CONTROL_FLAGS = "text-diffusion.json", "control.json"


class DenoiserFlags(Settings):
    """The settings of the part, the shape of latents, and the number of features of a caption's tokens."""

    part: TextDiffusionPart | ReleasedTextDiffusionPart
    shape: tuple[int, int, int]
    context: int


class ControlFlags(Settings):
    """The settings of the part, and the colour of each class that it was trained on."""

    part: ControlPart | ReleasedControlPart
    colours: dict[str, tuple[int, int, int]]
