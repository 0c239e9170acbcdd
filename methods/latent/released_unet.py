"""Denoisers in the layout of the original latent-diffusion code (ADM's UNet), read into diffusers' UNet.

Networks with the same settings compute the same function: residual blocks resample before their first convolution,
steps are embedded as cosines and then sines, and the scale precedes the shift in both. What `unet.make_unet` cannot
represent is refused: class embeddings, attention to a context, resampling without weights, and a first multiplier other
than 1. No tensor shows the number of heads and the order of queries, keys and values, so the caller must know them. The
order is assumed to be the original's default (for each head its queries, keys and values; `use_new_attention_order:
false`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from diffusers import UNet2DModel
from torch import Tensor, nn

from bench.errors import DataError
from methods.latent.checkpoints import check_fit, section

PREFIX = "model.diffusion_model."
# The moving average is stored under names without dots (`LitEma`).
AVERAGED = "model_ema.diffusion_model"
_ENDS = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_LAYERS = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
    "group_norm": "norm",
    "to_q": "qkv",
    "to_k": "qkv",
    "to_v": "qkv",
    "to_out.0": "proj_out",
}
_VARIANTS = {
    "label_emb": "class embeddings (num_classes)",
    "transformer_blocks": "attention to a context (use_spatial_transformer)",
}


def load_released_unet(network: UNet2DModel, checkpoint: Mapping[str, Tensor], *, ema: bool = True) -> UNet2DModel:
    """Load the denoiser of a released checkpoint (its `state_dict`) into a network of `make_unet`.

    The weights are those of the moving average, which the original samples with, if the checkpoint has one and `ema` is
    True. Attention consists of 1 x 1 convolutions there (queries, keys and values in one) and of linear layers here.

    Raises:
        DataError: the tensors are not those of such a network, or of this size, or cannot be represented.
    """
    names = original_names(network)
    found = averaged(checkpoint, names.values()) if ema else {}
    found = found or {
        name: tensor for name, tensor in section(checkpoint, PREFIX).items() if not name.startswith("model_ema.")
    }
    _refuse_variants(found)
    fill(network, names, found, "the denoiser of a latent diffusion model", _described(found))
    return network


def fill(
    network: nn.Module, names: Mapping[str, str], tensors: Mapping[str, Tensor], what: str, seen: str | None
) -> None:
    """Load original tensors into a network of ours; `names` is the result of `original_names`.

    Raises:
        DataError: they do not fit; `what` is the expected network, `seen` what the tensors seem to be.
    """
    # 1-d convolutions of width 1 are the only tensors with three dimensions
    found = {name: tensor[..., 0] if tensor.ndim == 3 else tensor for name, tensor in tensors.items()}
    wanted, state = {}, network.state_dict()
    for ours, name in names.items():
        rows, *rest = state[ours].shape
        wanted[name] = (3 * rows if ".qkv." in name else rows, *rest)
    check_fit(what, found, wanted, seen)
    network.load_state_dict({ours: _own(network, ours, found[name]) for ours, name in names.items()})


def original_names(network: nn.Module, ends: Mapping[str, str] = _ENDS) -> dict[str, str]:
    """Return the original's name of each tensor of a network; queries, keys and values of a layer share one name.

    `ends` maps the names of modules outside blocks, or of single tensors, to the original's.
    """
    blocks = dict(block_names(network))
    return {name: layer_name(name, blocks, ends) for name in network.state_dict()}


def layer_name(name: str, blocks: Mapping[str, str], ends: Mapping[str, str] = _ENDS) -> str:
    """Return the original's name of a tensor; layers that attend to a context have the same names in both layouts."""
    if name in ends:
        return ends[name]
    module, kind = name.rsplit(".", 1)
    inside = re.match(r"(\w+_blocks?(?:\.\d+)?\.\w+\.\d+)\.(.+)", module)
    if inside is None:
        return f"{ends[module]}.{kind}"
    convolution = "op" if ".downsamplers." in name else "conv"
    layer = convolution if inside[2] == "conv" else _LAYERS.get(inside[2], inside[2])
    return f"{blocks[inside[1]]}.{layer}.{kind}"


def block_names(network: nn.Module) -> Iterator[tuple[str, str]]:
    """Yield pairs of our name and the original's name of blocks, some of which may not exist."""
    number, parts = 0, dict(network.named_children())
    for level, block in enumerate(_items(parts["down_blocks"])):
        for index in range(len(block.resnets)):
            number += 1
            yield f"down_blocks.{level}.resnets.{index}", f"input_blocks.{number}.0"
            yield f"down_blocks.{level}.attentions.{index}", f"input_blocks.{number}.1"
        if block.downsamplers is not None:
            number += 1
            yield f"down_blocks.{level}.downsamplers.0", f"input_blocks.{number}.0"
    for index, name in enumerate(("resnets.0", "attentions.0", "resnets.1")):
        yield f"mid_block.{name}", f"middle_block.{index}"
    number = 0
    for level, block in enumerate(_items(parts["up_blocks"]) if "up_blocks" in parts else ()):
        for index in range(len(block.resnets)):
            yield f"up_blocks.{level}.resnets.{index}", f"output_blocks.{number}.0"
            yield f"up_blocks.{level}.attentions.{index}", f"output_blocks.{number}.1"
            number += 1
        last = 2 if hasattr(block, "attentions") else 1
        yield f"up_blocks.{level}.upsamplers.0", f"output_blocks.{number - 1}.{last}"


def _items(blocks: nn.Module) -> list[Any]:
    """Return diffusers' blocks, which have no common type."""
    return list(blocks.children())


def _refuse_variants(found: Mapping[str, Tensor]) -> None:
    for mark, meaning in _VARIANTS.items():
        if any(mark in name for name in found):
            raise DataError(
                "The checkpoint must hold an unconditional denoiser of latents",
                got=f"a denoiser with {meaning}",
                fix="choose a checkpoint without conditions",
            )
    first, norm = (found.get(name) for name in ("input_blocks.0.0.weight", "input_blocks.1.0.out_layers.0.weight"))
    if first is not None and norm is not None and len(first) != len(norm):
        raise DataError(
            "The denoiser's first multiplier is not 1, as diffusers' network requires",
            got=f"{len(first)} channels, then {len(norm)}",
            fix="choose another checkpoint, because this one cannot be converted",
        )


def averaged(checkpoint: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
    """Return the moving average under its full names, which are inferred from our network and the last weights."""
    last = (name.removeprefix(PREFIX) for name in checkpoint if name.startswith(PREFIX))
    full = {name.replace(".", ""): name for name in (*names, *last)}
    own = {name.removeprefix(AVERAGED): tensor for name, tensor in checkpoint.items() if name.startswith(AVERAGED)}
    return {full.get(name, name): tensor for name, tensor in own.items()}


def _own(network: UNet2DModel, name: str, tensor: Tensor) -> Tensor:
    """Return the part of an original tensor that a tensor of ours needs: all of it, or queries, keys or values."""
    part = re.match(r"(.+)\.to_([qkv])\.", name)
    if part is None:
        return tensor
    heads = network.get_submodule(part[1]).heads
    result: Tensor = tensor.unflatten(0, (heads, 3, -1))[:, "qkv".index(part[2])].flatten(0, 1)  # type: ignore[no-untyped-call]
    return result


def _described(found: Mapping[str, Tensor]) -> str | None:
    """Return a description of the network that the tensors belong to, as far as single tensors show it."""
    first, step, norm = (
        found.get(name)
        for name in (
            "input_blocks.0.0.weight",
            "input_blocks.1.0.emb_layers.1.weight",
            "input_blocks.1.0.out_layers.0.weight",
        )
    )
    if first is None or step is None or norm is None or first.ndim != 4:
        return None
    convolution = any(re.match(r"input_blocks\.\d+\.0\.op\.weight", name) for name in found)
    attention = sorted({int(m[1]) for name in found if (m := re.match(r"input_blocks\.(\d+)\.1\.qkv\.weight", name))})
    return (
        f"it has width {len(first)} for latents of {first.shape[1]} channels, "
        f"resampling {'convolution' if convolution else 'residual'}, "
        f"scale_shift {str(len(step) == 2 * len(norm)).lower()}, attention in input blocks {attention}"
    )
