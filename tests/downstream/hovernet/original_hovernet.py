"""HoVer-Net as a function of its released tensors, written from the description of the network."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

UNITS = {"d0": (3, 1), "d1": (4, 2), "d2": (6, 2), "d3": (3, 2)}


def hovernet(t: Mapping[str, Tensor], image: Tensor, mode: str) -> dict[str, Tensor]:
    """Outputs of the network in evaluation mode for uint8 images (n, h, w, 3)."""
    kernel = 3 if mode == "fast" else 5
    x = image.permute(0, 3, 1, 2).float() / 255
    x = functional.conv2d(x, t["conv0./.weight"], padding=3 if mode == "fast" else 0)
    x = functional.relu(norm(t, "conv0.bn", x))
    stages = []
    for name, (units, stride) in UNITS.items():
        x = stage(t, name, x, units, stride)
        stages.append(x)
    bottom = functional.conv2d(stages[3], t["conv_bot.weight"])
    return {branch: decoder(t, f"decoder.{branch}", bottom, stages, kernel) for branch in ("np", "hv", "tp")}


def stage(t: Mapping[str, Tensor], name: str, x: Tensor, units: int, stride: int) -> Tensor:
    carried = functional.conv2d(x, t[f"{name}.shortcut.weight"], stride=stride)
    for unit in range(units):
        at = f"{name}.units.{unit}"
        if unit:
            x = functional.relu(norm(t, f"{at}.preact/bn", x))
        x = functional.relu(norm(t, f"{at}.conv1/bn", functional.conv2d(x, t[f"{at}.conv1.weight"])))
        step = stride if unit == 0 else 1
        # even sizes: none before and one after where it strides, one on each side elsewhere
        x = functional.pad(x, (0, 1, 0, 1) if step == 2 else (1, 1, 1, 1))
        x = functional.relu(norm(t, f"{at}.conv2/bn", functional.conv2d(x, t[f"{at}.conv2.weight"], stride=step)))
        x = carried = functional.conv2d(x, t[f"{at}.conv3.weight"]) + carried
    return functional.relu(norm(t, f"{name}.blk_bna.bn", x))


def decoder(t: Mapping[str, Tensor], at: str, x: Tensor, stages: list[Tensor], kernel: int) -> Tensor:
    for level, skip, units in (("u3", stages[2], 8), ("u2", stages[1], 4)):
        x = doubled(x)
        x = functional.conv2d(x + middle(skip, x), t[f"{at}.{level}.conva.weight"])
        for unit in range(units):
            here = f"{at}.{level}.dense.units.{unit}"
            new = functional.conv2d(functional.relu(norm(t, f"{here}.preact_bna/bn", x)), t[f"{here}.conv1.weight"])
            new = functional.conv2d(
                functional.relu(norm(t, f"{here}.conv1/bn", new)), t[f"{here}.conv2.weight"], groups=4
            )
            x = torch.cat([middle(x, new), new], 1)
        x = functional.relu(norm(t, f"{at}.{level}.dense.blk_bna.bn", x))
        x = functional.conv2d(x, t[f"{at}.{level}.convf.weight"])
    x = doubled(x)
    x = functional.conv2d(x + middle(stages[0], x), t[f"{at}.u1.conva.weight"], padding=kernel // 2)
    x = functional.relu(norm(t, f"{at}.u0.bn", x))
    return functional.conv2d(x, t[f"{at}.u0.conv.weight"], t[f"{at}.u0.conv.bias"])


def doubled(x: Tensor) -> Tensor:
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def middle(x: Tensor, like: Tensor) -> Tensor:
    cut = (x.shape[2] - like.shape[2]) // 2
    return x[:, :, cut : cut + like.shape[2], cut : cut + like.shape[3]]


def norm(t: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    mean, var, weight, bias = (
        t[f"{name}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / (var + 1e-5).sqrt() * weight + bias
