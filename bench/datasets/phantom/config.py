"""The settings of a phantom, besides seed, group and size."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

CLASSES = ("miscellaneous", "inflammatory", "epithelial", "spindle")
"""Nucleus classes in the order of CoNSeP's merged ids 1..4."""

MISCELLANEOUS, INFLAMMATORY, EPITHELIAL, SPINDLE = 1, 2, 3, 4

MPP = 0.25
"""Micrometres per pixel at which nuclei are drawn (40x)."""


class PhantomConfig(BaseModel):
    """Settings of the phantom; the statistics of the defaults are compared with CoNSeP's.

    Every value scales something relative to the default, so 1 leaves the phantom as it was calibrated.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(default=0, ge=0, description="seed of all slide styles and tiles")
    density: float = Field(default=1.0, gt=0, le=2, description="nuclei per tile, relative")
    rare: float = Field(default=1.0, ge=0, le=5, description="share of miscellaneous nuclei, relative")
    slide_variation: float = Field(default=1.0, ge=0, le=2, description="differences between slides, relative")
    distractors: float = Field(default=1.0, ge=0, le=5, description="blood, pigment and debris, relative")
