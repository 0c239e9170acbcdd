"""The text-conditional denoiser of latents and its control branch, in diffusers' networks and folders."""

from __future__ import annotations

import math
from pathlib import Path

from diffusers import ControlNetModel, UNet2DConditionModel
from jaxtyping import Float, Int64
from torch import Tensor, nn

from bench.errors import ConfigError
from methods.latent.folders import load_model, save_model
from methods.latent.text_config import ControlSettings, TextUNetSettings

UNET, CONTROL = "unet", "controlnet"


class TextDenoiser(nn.Module):
    """A UNet in the form that samplers and losses call."""

    def __init__(self, unet: UNet2DConditionModel) -> None:
        super().__init__()
        self.unet = unet

    def forward(
        self, x: Float[Tensor, "n c h w"], times: Int64[Tensor, " n"], context: Float[Tensor, "n t d"]
    ) -> Float[Tensor, "n c h w"]:
        """Return the prediction for noisy latents at their steps, given the features of captions."""
        result: Tensor = self.unet(x, times, encoder_hidden_states=context, return_dict=False)[0]
        return result


class Controlled(nn.Module):
    """A frozen denoiser with a control branch, whose outputs are added to its skips and its middle."""

    def __init__(self, unet: UNet2DConditionModel, control: ControlNetModel, hint_scale: float) -> None:
        super().__init__()
        self.unet, self.control, self.hint_scale = unet.requires_grad_(False), control, hint_scale

    def forward(
        self,
        x: Float[Tensor, "n c h w"],
        times: Int64[Tensor, " n"],
        context: Float[Tensor, "n t d"],
        hint: Float[Tensor, "n k H W"],
    ) -> Float[Tensor, "n c h w"]:
        """Return the prediction, given the features of captions and hints in 0..255."""
        skips, middle = self.control(
            x,
            times,
            encoder_hidden_states=context,
            controlnet_cond=self.hint_scale * hint,
            return_dict=False,
        )
        result: Tensor = self.unet(
            x,
            times,
            encoder_hidden_states=context,
            down_block_additional_residuals=skips,
            mid_block_additional_residual=middle,
            return_dict=False,
        )[0]
        return result


def make_text_unet(settings: TextUNetSettings, shape: tuple[int, int, int], context: int) -> UNet2DConditionModel:
    """Return an untrained denoiser of latents (c, h, w) that attends to features of `context` channels."""
    attends = [2**level in settings.attention_factors for level in range(len(settings.multipliers))]
    return UNet2DConditionModel(
        sample_size=shape[1],
        in_channels=shape[0],
        out_channels=shape[0],
        down_block_types=tuple("CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends),
        up_block_types=tuple("CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends)),
        block_out_channels=tuple(settings.width * multiplier for multiplier in settings.multipliers),
        layers_per_block=settings.blocks,
        dropout=settings.dropout,
        norm_num_groups=settings.groups,
        cross_attention_dim=context,
        attention_head_dim=settings.heads,  # diffusers reads it as the number of heads
    )


def make_control(unet: UNet2DConditionModel, settings: ControlSettings, channels: int, factor: int) -> ControlNetModel:
    """Return a control branch whose encoder and middle are copies of the denoiser's, and which adds nothing yet.

    Args:
        unet: the denoiser.
        settings: widths of the hint encoder.
        channels: channels of hints.
        factor: pixels per latent along a side.

    Raises:
        ConfigError: the hint encoder does not reduce hints to the size of latents.
    """
    control = ControlNetModel.from_unet(
        unet, conditioning_embedding_out_channels=settings.hint_channels, conditioning_channels=channels
    )
    # the branch is trained on its own copy: without gradients of the denoiser that it was copied from
    return with_hint_factor(control.requires_grad_(True), factor)


def with_hint_factor(control: ControlNetModel, factor: int) -> ControlNetModel:
    """Let the hint encoder divide sides by `factor`: its last convolutions keep the sides where it has too many.

    diffusers halves the sides at every change of width. Its configuration cannot express PathDiff's hint encoder, which
    has four widths for a factor of 4, so a folder of such a branch needs this function after diffusers opened it.

    Raises:
        ConfigError: it has too few convolutions.
    """
    halving = control.controlnet_cond_embedding.blocks[1::2]
    wanted = int(math.log2(factor))
    if len(halving) < wanted:
        raise ConfigError(
            f"The hint encoder needs at least {wanted + 1} widths, as latents are {factor} times smaller than images",
            got=f"{len(halving) + 1}",
            fix="set control.network.hint_channels",
        )
    for layer in halving[wanted:]:
        layer.stride = (1, 1)
    return control


def save_control(folder: Path, control: ControlNetModel) -> None:
    """Write a control branch in diffusers' layout."""
    save_model(folder / CONTROL, control)


def load_control(folder: Path, factor: int) -> ControlNetModel:
    """Load a control branch for latents that are `factor` times smaller than images, on the CPU."""
    return with_hint_factor(load_model(folder / CONTROL, ControlNetModel), factor)


def freeze(network: nn.Module) -> nn.Module:
    """Return a network in evaluation mode, without gradients."""
    return network.eval().requires_grad_(False)
