"""First stages (KL or VQ) in the layout of the original latent-diffusion code, read into diffusers' autoencoders."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from bench.errors import DataError
from methods.latent.autoencoder import Autoencoder
from methods.latent.checkpoints import check_fit, section

PREFIX = "first_stage_model."
_AT_A_LEVEL = re.compile(r"(?:encoder\.down|decoder\.up)\.\d+\.attn\.")
# Tensors that only training needed, and tensors that are in the same module but not part of the network.
_LEFT_OUT = ("loss.", "model_ema.")
_NAMES = (
    (r"\bnin_shortcut\b", "conv_shortcut"),
    (r"\bnorm_out\b", "conv_norm_out"),
    (r"\bmid\.block_1\b", "mid_block.resnets.0"),
    (r"\bmid\.block_2\b", "mid_block.resnets.1"),
    (r"\bmid\.attn_1\.norm\b", "mid_block.attentions.0.group_norm"),
    (r"\bmid\.attn_1\.([qkv])\b", r"mid_block.attentions.0.to_\1"),
    (r"\bmid\.attn_1\.proj_out\b", "mid_block.attentions.0.to_out.0"),
    (r"\bencoder\.down\.(\d+)\.block\b", r"encoder.down_blocks.\1.resnets"),
    (r"\bencoder\.down\.(\d+)\.downsample\b", r"encoder.down_blocks.\1.downsamplers.0"),
)


def load_released_autoencoder(network: Autoencoder, checkpoint: Mapping[str, Tensor]) -> Autoencoder:
    """Load the first stage of a released checkpoint (its `state_dict`, of the whole model or only the stage).

    In the release, the decoder's levels are counted from the full size, and here from the latents; attention consists
    of 1 x 1 convolutions there and of linear layers here.

    Raises:
        DataError: the tensors are not those of such a network, or not of a network of this size.
    """
    own = section(checkpoint, PREFIX)
    if any(_AT_A_LEVEL.match(name) for name in own):
        raise DataError(
            "Only first stages without attention at their levels can be read (attn_resolutions: [])",
            got="attention at a level, as kl-f16 and vq-f8 have it",
            fix="choose another checkpoint: no setting of `network` describes this one",
        )
    levels, wanted = len(network.config.block_out_channels), network.state_dict()
    found = {translated(name, levels): tensor for name, tensor in own.items() if not name.startswith(_LEFT_OUT)}
    shaped = {
        name: tensor[..., 0, 0] if ".attentions." in name and tensor.ndim == 4 else tensor
        for name, tensor in found.items()
    }
    check_fit(
        "the first stage of a latent diffusion model", shaped, {name: tuple(t.shape) for name, t in wanted.items()}
    )
    network.load_state_dict(shaped)
    return network


def translated(name: str, levels: int) -> str:
    """Return diffusers' name for a tensor of the original autoencoder.

    >>> translated("decoder.up.0.block.1.nin_shortcut.weight", 3)
    'decoder.up_blocks.2.resnets.1.conv_shortcut.weight'
    """
    for pattern, replacement in _NAMES:
        name = re.sub(pattern, replacement, name)
    level = re.match(r"decoder\.up\.(\d+)\.(block|upsample)\.(.*)", name)
    if level is None:
        return name
    kind = "resnets" if level[2] == "block" else "upsamplers.0"
    return f"decoder.up_blocks.{levels - 1 - int(level[1])}.{kind}.{level[3]}"
