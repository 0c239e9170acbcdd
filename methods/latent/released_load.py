"""HistoDiffusion's released classifier for `methods.released.load`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.errors import ConfigError
from methods.latent.checkpoints import read_checkpoint
from methods.latent.config import EncoderSettings
from methods.latent.encoder_unet import EncoderUNet
from methods.latent.released_classifier import classifier_shape, load_released_classifier
from methods.released_settings import by_our_names, check_shown, make

# heads per multiplier in the release: 64 channels at width 128
_HEADS = 2
_KNOWN = {
    "width": "channels at multiplier 1",
    "multipliers": "one per level",
    "blocks": "residual blocks per level",
    "attention_sizes": "feature sizes with attention",
    "attention_factors": "the same as reductions",
    "head_channels": "channels per attention head",
    "groups": "groups of the norms",
    "channels": "channels of the latents",
    "size": "side of the latents",
    "classes": "number of classes",
}


def load_classifier(path: Path, **settings: Any) -> EncoderUNet:
    """Return the released classifier in a file, a function of latents and steps; see `methods.released.load`."""
    given = by_our_names(settings, _KNOWN, {"out_channels": "classes"})
    tensors = read_checkpoint(path)
    shape = classifier_shape(tensors, given.get("blocks"))
    shown = {name: list(v) if isinstance(v, tuple) else v for name, v in shape._asdict().items()}
    shown["attention_factors"] = [shape.size // size for size in shape.attention_sizes]
    check_shown(given, shown, f"The classifier in {path}")
    network = {name: shown[name] for name in ("width", "multipliers", "blocks", "attention_sizes")}
    network["head_channels"] = given.get("head_channels", max(shape.width // _HEADS, 1))
    network["groups"] = given.get("groups", 32)
    made = make(EncoderSettings, network, f"the classifier in {path}")
    if made.width % made.groups:
        raise ConfigError(
            f"The channels of the classifier in {path} must be a multiple of {made.groups} groups",
            got=f"width {made.width}",
            fix="give `groups` as in its training",
        )
    encoder = EncoderUNet(made, shape.channels, shape.size, shape.classes)
    return load_released_classifier(encoder, tensors).eval().requires_grad_(False)
