"""Settings of GradMix: defaults as published, lengths in pixels at 40x."""

from __future__ import annotations

from pydantic import Field

from bench.contract import Settings
from methods.patches import PatchSettings


class GradMixConfig(Settings):
    """How one tile is mixed; every default is the released notebook's (QuIIL/Grad_Mix, grad_mix.ipynb)."""

    border: int = Field(default=30, ge=0)  # nuclei whose centroid lies nearer to a border neither give nor receive
    fraction: float = Field(default=0.8, ge=0, le=1)  # share of the major nuclei that are drawn for replacement
    size_ratio: float = Field(default=2.3, gt=0)  # a donor fits where |dilated major| >= size_ratio * |donor|
    dilation: int = Field(default=2, ge=1)  # iterations of the cross-shaped dilation of a major
    smooth_red_green: int = Field(default=1, ge=1)  # radius of the median disk on the ring, red and green
    smooth_blue: int = Field(default=5, ge=1)  # the same, blue
    # the notebook inpaints the major before blending, DiffMix's port leaves it out; off as in DiffMix's table
    inpaint: bool = False
    inpaint_radius: int = Field(default=5, ge=1)
    # largest share of a neighbour that a donor may cover; 1 never refuses, as released
    max_cover: float = Field(default=1.0, ge=0, le=1)
    blend: bool = True  # False makes label maps alone, all that DiffMix-B needs


class GradMixMethodConfig(PatchSettings):
    """GradMix as a method: patches cut from mixed tiles."""

    mixing: GradMixConfig = GradMixConfig()
