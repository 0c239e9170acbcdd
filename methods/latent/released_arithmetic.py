"""The arithmetic of PathDiff's release, which rounds the output of every transformer block to half precision.

Its `BasicTransformerBlock` ends with `x.to(torch.float16)`. Each rounding magnifies differences in the last bits, so
the attention is also computed in its order: products of queries and keys, then the scale, then the softmax.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn


class PlainAttention:
    """An attention processor of diffusers that computes attention in three separate steps."""

    def __call__(
        self, attn: Attention, hidden_states: Tensor, encoder_hidden_states: Tensor | None = None, **_: Any
    ) -> Tensor:
        """Return the attention of positions to themselves, or to a context."""
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key, value = (
            _split(layer(x), attn.heads)
            for layer, x in ((attn.to_q, hidden_states), (attn.to_k, context), (attn.to_v, context))
        )
        weights = (torch.einsum("nid,njd->nij", query, key) * attn.scale).softmax(dim=-1)
        found = torch.einsum("nij,njd->nid", weights, value)
        joined = found.unflatten(0, (-1, attn.heads)).transpose(1, 2).flatten(2)  # type: ignore[no-untyped-call]
        result: Tensor = attn.to_out[0](joined)
        return result


def as_released(network: UNet2DConditionModel | ControlNetModel) -> None:
    """Let a network compute as the release does, in place."""
    network.set_attn_processor(PlainAttention())
    for block in network.modules():
        if isinstance(block, BasicTransformerBlock):
            block.register_forward_hook(_rounded)


def _rounded(block: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    return output.half().to(output.dtype)


def _split(x: Tensor, heads: int) -> Tensor:
    result: Tensor = x.unflatten(2, (heads, -1)).transpose(1, 2).flatten(0, 1)  # type: ignore[no-untyped-call]
    return result
