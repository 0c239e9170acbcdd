"""Settings of GradMix; defaults as published, lengths in pixels at 40x."""

from __future__ import annotations

from pydantic import Field

from bench.contract import Settings
from methods.patches import PatchSettings


class GradMixConfig(Settings):
    """How one tile is mixed; every default is that of the released notebook (QuIIL/Grad_Mix, grad_mix.ipynb)."""

    border: int = Field(default=30, ge=0)  # nuclei with a centroid nearer to a border are not used
    fraction: float = Field(default=0.8, ge=0, le=1)  # share of the major nuclei that are drawn for replacement
    size_ratio: float = Field(default=2.3, gt=0)  # a donor fits if area(dilated major) >= size_ratio * area(donor)
    dilation: int = Field(default=2, ge=1)  # iterations of the cross-shaped dilation of a major
    smooth_red_green: int = Field(default=1, ge=1)  # radius of the median disk on the ring, for red and green
    smooth_blue: int = Field(default=5, ge=1)  # the same for blue
    # the notebook inpaints the major before blending, and DiffMix's port does not; off as for DiffMix's table
    inpaint: bool = False
    inpaint_radius: int = Field(default=5, ge=1)
    # largest share of a neighbour that a donor may cover; 1 never refuses a donor, as in the release
    max_cover: float = Field(default=1.0, ge=0, le=1)
    blend: bool = True  # False makes only label maps, which is all that DiffMix-B needs


class GradMixMethodConfig(PatchSettings):
    """Settings of GradMix as a method; patches are cut from mixed tiles."""

    mixing: GradMixConfig = GradMixConfig()
