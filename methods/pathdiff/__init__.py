"""PathDiff and ControlNet on latents: images from masks, from captions, and from both."""

from methods.pathdiff.method import ControlNetM, ControlNetT, PathDiffM, PathDiffMT, PathDiffT

__all__ = ["ControlNetM", "ControlNetT", "PathDiffM", "PathDiffMT", "PathDiffT"]
