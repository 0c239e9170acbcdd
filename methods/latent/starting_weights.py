"""Files that latent methods start from: released parts, and the published weights of a perceptual loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bench.contract import Weights
from methods.latent.config import PerceptualSettings, ReleasedSettings


def released(part: str, settings: ReleasedSettings) -> Iterator[Weights]:
    """Yield the released checkpoint of a part, if the settings name one."""
    if settings.released is not None and settings.released_sha256 is not None:
        yield Weights(
            name=f"the released checkpoint of {part}",
            setting=f"method.{part}.released",
            source="who released it",
            size="any",
            sha256=(settings.released_sha256,),
            path=settings.released,
        )


def lpips(part: str, settings: PerceptualSettings) -> Iterator[Weights]:
    """Yield the weights of LPIPS's trunk, if the settings of a part use it."""
    if settings.features == "lpips" and settings.weight > 0:
        from metrics.perceptual_weights import lpips_weights

        needed = lpips_weights(settings.weights, "vgg")
        setting = f"method.{part}.perceptual.weights to the folder that holds it, or .features=random-convnet"
        yield replace(needed, setting=setting)
