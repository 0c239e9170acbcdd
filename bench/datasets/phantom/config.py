"""What a phantom depends on besides seed, group and size."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

CLASSES = ("miscellaneous", "inflammatory", "epithelial", "spindle")
"""Nucleus classes in the order of CoNSeP's merged ids 1..4."""

MISCELLANEOUS, INFLAMMATORY, EPITHELIAL, SPINDLE = 1, 2, 3, 4

MPP = 0.25
"""Micrometres a pixel at which nuclei are drawn (40x)."""


class PhantomConfig(BaseModel):
    """Knobs of the phantom; the defaults are the ones whose statistics are compared with CoNSeP.

    Every value scales something relative to the default, so 1 leaves the phantom as it was calibrated.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(default=0, ge=0, description="seed of all slide styles and tiles")
    density: float = Field(default=1.0, gt=0, le=2, description="nuclei a tile, relative")
    rare: float = Field(default=1.0, ge=0, le=5, description="share of miscellaneous nuclei, relative")
    slide_variation: float = Field(default=1.0, ge=0, le=2, description="differences between slides, relative")
    distractors: float = Field(default=1.0, ge=0, le=5, description="blood, pigment and debris, relative")
