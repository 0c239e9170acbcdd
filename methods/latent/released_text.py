"""Text-conditional denoisers and control branches in the layout of PathLDM and PathDiff, read into diffusers' networks.

Both use latent diffusion's UNet with `use_spatial_transformer`; the control branch is ControlNet's. Layers inside a
transformer have the same names in both layouts, so only the blocks that contain them are renamed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from diffusers import ControlNetModel, UNet2DConditionModel
from torch import Tensor

from bench.errors import DataError
from methods.latent.checkpoints import check_fit, section
from methods.latent.released_unet import PREFIX, averaged, block_names, layer_name
from methods.latent.text_config import ControlSettings, TextUNetSettings

CONTROL_PREFIX = "control_model."


def load_released_text_unet(network: UNet2DConditionModel, checkpoint: Mapping[str, Tensor]) -> UNet2DConditionModel:
    """Load the text-conditional denoiser of a released checkpoint (its `state_dict`) into a network of this layout.

    Raises:
        DataError: the tensors are not those of such a network, or of this size.
    """
    names = original_names(network)
    found = averaged(checkpoint, names.values()) or {
        name: tensor for name, tensor in section(checkpoint, PREFIX).items() if not name.startswith("model_ema.")
    }
    _load(network, "a text-conditional denoiser of latents", names, found)
    return network


def load_released_control(network: ControlNetModel, checkpoint: Mapping[str, Tensor]) -> ControlNetModel:
    """Load the control branch of a released checkpoint (its `state_dict`) into a network of this layout.

    Raises:
        DataError: the tensors are not those of such a network, or of this size.
    """
    _load(network, "a control branch", original_names(network), section(checkpoint, CONTROL_PREFIX))
    return network


def original_names(network: UNet2DConditionModel | ControlNetModel) -> dict[str, str]:
    """Return the original's name of each tensor of a denoiser or a control branch."""
    blocks, found = dict(block_names(network)), {}
    for name in network.state_dict():
        hint = re.fullmatch(r"controlnet_cond_embedding\.(conv_in|conv_out|blocks\.(\d+))\.(\w+)", name)
        if hint is not None:
            last = 2 * (len(network.controlnet_cond_embedding.blocks) + 1)
            place = {"conv_in": 0, "conv_out": last}.get(hint[1])
            found[name] = f"input_hint_block.{2 * (int(hint[2]) + 1) if place is None else place}.{hint[3]}"
        elif name.startswith("controlnet_down_blocks."):
            found[name] = re.sub(r"controlnet_down_blocks\.(\d+)", r"zero_convs.\1.0", name)
        elif name.startswith("controlnet_mid_block."):
            found[name] = name.replace("controlnet_mid_block", "middle_block_out.0")
        else:
            found[name] = layer_name(name, blocks)
    return found


def settings_of_unet(checkpoint: Mapping[str, Tensor], *, heads: int = 1) -> TextUNetSettings:
    """Return the settings that the shapes of a released denoiser show; they do not show the number of heads.

    Raises:
        DataError: the checkpoint has no text-conditional denoiser.
    """
    own = section(checkpoint, PREFIX)
    first = own.get("input_blocks.0.0.weight")
    if first is None or not any(".transformer_blocks." in name for name in own):
        raise DataError(
            "The checkpoint must contain a text-conditional denoiser of latent diffusion",
            got="no input_blocks with transformer_blocks",
            fix=f"use a checkpoint whose tensors are named {PREFIX}input_blocks...",
        )
    levels = _levels(own)
    width = int(first.shape[0])
    return TextUNetSettings(
        width=width,
        multipliers=tuple(channels // width for channels, _, _ in levels),
        blocks=levels[0][1],
        attention_factors=tuple(2**level for level, (_, _, attends) in enumerate(levels) if attends),
        heads=heads,
        groups=min(32, width),
    )


def settings_of_hints(checkpoint: Mapping[str, Tensor], *, hint_scale: float = 1.0) -> tuple[ControlSettings, int]:
    """Return the settings that the shapes of a released hint encoder show, and its number of input channels."""
    own = section(checkpoint, CONTROL_PREFIX)
    layers = sorted(
        (int(match[1]), tensor.shape)
        for name, tensor in own.items()
        if (match := re.fullmatch(r"input_hint_block\.(\d+)\.weight", name))
    )
    if not layers:
        raise DataError(
            "The checkpoint must contain a control branch",
            got="no input_hint_block",
            fix=f"use a checkpoint whose tensors are named {CONTROL_PREFIX}...",
        )
    widths = tuple(int(shape[0]) for _, shape in layers[:-1][::2])
    channels = int(layers[0][1][1])
    return ControlSettings(hint_channels=widths, hint_scale=hint_scale, edges=channels == 6), channels


def _levels(own: Mapping[str, Tensor]) -> list[tuple[int, int, bool]]:
    """Return channels, blocks and whether it attends, for each level of an encoder."""
    levels: list[tuple[int, int, bool]] = []
    number, channels, blocks, attends = 1, 0, 0, False
    while any(name.startswith(f"input_blocks.{number}.") for name in own):
        norm = own.get(f"input_blocks.{number}.0.out_layers.0.weight")
        if norm is None:  # this one halves the sides
            levels.append((channels, blocks, attends))
            blocks, attends = 0, False
        else:
            channels, blocks = int(norm.shape[0]), blocks + 1
            attends = f"input_blocks.{number}.1.norm.weight" in own
        number += 1
    return [*levels, (channels, blocks, attends)]


def _load(
    network: UNet2DConditionModel | ControlNetModel, what: str, names: Mapping[str, str], found: Mapping[str, Tensor]
) -> None:
    state = network.state_dict()
    check_fit(what, found, {name: tuple(state[ours].shape) for ours, name in names.items()})
    network.load_state_dict({ours: found[name] for ours, name in names.items()})
