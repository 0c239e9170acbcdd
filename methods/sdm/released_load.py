"""Released SDM networks for `methods.released.load`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from methods.released_settings import by_our_names, check_shown, make
from methods.sdm.condition import channels
from methods.sdm.config import NetworkSettings
from methods.sdm.network import SDMNetwork
from methods.sdm.released import class_count, learned_variance, load_released_sdm, network_settings, read_tensors

_SIZE = 256
_KNOWN = {
    "width": "channels at multiplier 1",
    "multipliers": "one per level",
    "blocks": "residual blocks per level",
    "attention": "feature sizes with attention, of images of `size`",
    "attention_factors": "the same as reductions",
    "head_channels": "channels per attention head",
    "label_channels": "hidden channels of each label branch",
    "groups": "groups of the norms",
    "size": "side of the images in training",
    "channels": "channels of the images",
    "classes": "number of nucleus classes",
    "maps": "channels of the label maps",
    "outputs": "channels of the output",
    "learned_variance": "whether variance logits follow",
    "weights": "average or last, if the file holds both",
}
_ALIASES = {"num_classes": "maps", "out_channels": "outputs", "learn_sigma": "learned_variance"}


def load_sdm(path: Path, **settings: Any) -> SDMNetwork:
    """Return the released network in a file, a function of images, steps and label maps; see `methods.released.load`.

    Names of the original code are read too; there, `num_classes` is the number of channels of the label maps.
    """
    given = by_our_names(settings, _KNOWN, _ALIASES)
    tensors, _ = read_tensors(path, given.get("weights", "average"))
    size, classes, variance = given.get("size", _SIZE), class_count(tensors), learned_variance(tensors)
    read = network_settings(tensors, size, given.get("blocks"))
    shown = {name: list(v) if isinstance(v, tuple) else v for name, v in read.model_dump().items()}
    free = {name: given[name] for name in ("groups", "head_channels") if name in given}
    network = make(NetworkSettings, shown | free, f"the network in {path}")
    shown |= {
        "attention_factors": [size // held for held in read.attention],
        "channels": 3,
        "classes": classes,
        "maps": channels(classes),
        "outputs": 6 if variance else 3,
        "learned_variance": variance,
    }
    check_shown(given, {name: v for name, v in shown.items() if name not in free}, f"The SDM in {path}")
    sdm = SDMNetwork(network, channels(classes), size, learned_variance=variance)
    load_released_sdm(sdm, tensors)
    return sdm.eval().requires_grad_(False)
