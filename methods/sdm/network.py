"""The SDM network: the encoder gets the noisy image; the middle and the decoder also get the label map."""

from __future__ import annotations

from typing import cast

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from bench.errors import ConfigError
from methods.sdm.blocks import AttentionBlock, Block, DecoderBlock, EncoderBlock, time_embedding, zeroed
from methods.sdm.config import NetworkSettings
from methods.sdm.labels import Labels


class Stage(nn.ModuleList):
    """Layers of one entry of the skip stack."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(layers)

    def forward(self, x: Tensor, embedding: Tensor, labels: Labels) -> Tensor:
        """Run the layers one after the other."""
        for layer in self:
            x = layer(x) if isinstance(layer, nn.Conv2d) else layer(x, embedding, labels)
        return x


class SDMNetwork(nn.Module):
    """A UNet with the layout of the released SDM (Wang et al. 2022) and the names and shapes of its checkpoints.

    Args:
        settings: size of the network.
        label_channels: channels of the condition.
        image_size: side of the patches that attention sizes refer to; other sizes also work.
        learned_variance: whether three variance logits follow the three channels of the prediction.
        recompute: drop activations of blocks in training and recompute them, to save memory.

    Raises:
        ConfigError: channels cannot be divided into groups or heads.
    """

    def __init__(
        self,
        settings: NetworkSettings,
        label_channels: int,
        image_size: int,
        *,
        learned_variance: bool = True,
        recompute: bool = False,
    ) -> None:
        super().__init__()
        self.width, self.recompute = settings.width, recompute
        self._build = _Builder(settings, label_channels)
        widths = [int(settings.width * multiplier) for multiplier in settings.multipliers]
        attends = [image_size // 2**level in settings.attention for level in range(len(widths))]
        _check_widths(widths, attends, settings)
        self.time_embed = nn.Sequential(
            nn.Linear(settings.width, 4 * settings.width),
            nn.SiLU(),
            nn.Linear(4 * settings.width, 4 * settings.width),
        )
        self.input_blocks, skips = self._encoder(widths, attends, settings.blocks)
        self.middle_block = Stage(
            self._build.decoder(widths[-1], widths[-1]),
            self._build.attention(widths[-1]),
            self._build.decoder(widths[-1], widths[-1]),
        )
        self.output_blocks = self._decoder(widths, attends, settings.blocks, skips)
        self.out = nn.Sequential(
            nn.GroupNorm(settings.groups, widths[0]),
            nn.SiLU(),
            zeroed(nn.Conv2d(widths[0], 6 if learned_variance else 3, 3, padding=1)),
        )

    def forward(
        self, x: Float[Tensor, "n 3 h w"], times: Int64[Tensor, " n"], labels: Float[Tensor, "n l h w"] | Labels
    ) -> Float[Tensor, "n out h w"]:
        """Return the prediction for a noisy image, its step and its condition (all zero is the null condition)."""
        labels = labels if isinstance(labels, Labels) else Labels(labels)
        embedding = self.time_embed(time_embedding(times, self.width))
        skips = []
        for stage in self.input_blocks:
            x = self._run(stage, x, embedding, labels)
            skips.append(x)
        x = self._run(self.middle_block, x, embedding, labels)
        for stage in self.output_blocks:
            x = self._run(stage, torch.cat([x, skips.pop()], dim=1), embedding, labels)
        return cast(Tensor, self.out(x))

    def _run(self, stage: nn.Module, x: Tensor, embedding: Tensor, labels: Labels) -> Tensor:
        if self.recompute and self.training and torch.is_grad_enabled():
            return cast(Tensor, checkpoint(stage, x, embedding, labels, use_reentrant=False))
        return cast(Tensor, stage(x, embedding, labels))

    def _encoder(self, widths: list[int], attends: list[bool], blocks: int) -> tuple[nn.ModuleList, list[int]]:
        """Return the stages of the encoder, and the number of channels that each leaves on the skip stack."""
        channels = widths[0]
        stages: list[nn.Module] = [Stage(nn.Conv2d(3, channels, 3, padding=1))]
        skips = [channels]
        for level, width in enumerate(widths):
            for _ in range(blocks):
                layers = [self._build.encoder(channels, width)]
                stages.append(Stage(*layers, *self._attention_at(attends[level], width)))
                channels = width
                skips.append(channels)
            if level < len(widths) - 1:
                stages.append(Stage(self._build.encoder(channels, channels, "down")))
                skips.append(channels)
        return nn.ModuleList(stages), skips

    def _decoder(self, widths: list[int], attends: list[bool], blocks: int, skips: list[int]) -> nn.ModuleList:
        """Return the stages of the decoder, one for each entry of the skip stack."""
        channels, stack = widths[-1], list(skips)
        stages: list[nn.Module] = []
        for level, width in reversed(list(enumerate(widths))):
            for number in range(blocks + 1):
                layers = [self._build.decoder(channels + stack.pop(), width)]
                layers += self._attention_at(attends[level], width)
                if level and number == blocks:
                    layers.append(self._build.decoder(width, width, "up"))
                stages.append(Stage(*layers))
                channels = width
        return nn.ModuleList(stages)

    def _attention_at(self, attends: bool, width: int) -> list[nn.Module]:
        return [self._build.attention(width)] if attends else []


class _Builder:
    """Makes the blocks of one network."""

    def __init__(self, settings: NetworkSettings, label_channels: int) -> None:
        self._settings, self._label_channels = settings, label_channels
        self._embedding = 4 * settings.width

    def encoder(self, channels: int, out: int, resample: str | None = None) -> Block:
        settings = self._settings
        return EncoderBlock(channels, out, self._embedding, settings.groups, settings.dropout, resample)

    def decoder(self, channels: int, out: int, resample: str | None = None) -> nn.Module:
        settings = self._settings
        return DecoderBlock(
            channels,
            out,
            self._embedding,
            settings.groups,
            settings.dropout,
            self._label_channels,
            settings.label_channels,
            resample,
        )

    def attention(self, channels: int) -> nn.Module:
        return AttentionBlock(channels, self._settings.head_channels, self._settings.groups)


def _check_widths(widths: list[int], attends: list[bool], settings: NetworkSettings) -> None:
    ungrouped = [width for width in widths if width % settings.groups]
    if ungrouped:
        raise ConfigError(
            f"The channels of every level must be a multiple of {settings.groups} groups",
            got=f"{ungrouped[0]} channels at width {settings.width}",
            fix="set network.groups to a common divisor of the channels",
        )
    attending = [width for width, attends_here in zip(widths, attends, strict=True) if attends_here] + [widths[-1]]
    headless = [width for width in attending if width % settings.head_channels]
    if headless:
        raise ConfigError(
            f"The channels of levels with attention must be a multiple of {settings.head_channels} per head",
            got=f"{headless[0]} channels at width {settings.width}",
            fix="set network.head_channels to a common divisor of the channels",
        )
