"""SONNET in the protocol of nucleus networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32
from torch import Tensor, nn

from bench.contract import TrainingMix
from downstream.nuclei.family import Family, Sizes
from downstream.nuclei.settings import Phase
from downstream.nuclei.trunk import ALIGN, MARGIN
from downstream.patches import Patch
from downstream.sonnet.config import OUTPUT, SonnetSettings
from downstream.sonnet.decode import SonnetDecoder
from downstream.sonnet.losses import class_weights, decode_ordinal, sonnet_loss
from downstream.sonnet.published import PublishedSonnet
from downstream.sonnet.small import SmallSonnet
from downstream.sonnet.targets import make_targets
from downstream.tiles import Windows, whole


class SonnetFamily(Family):
    """SONNET (Doan et al., JBHI 2022): the published network or the small one."""

    name = "sonnet"
    release = "sonnet"
    config: SonnetSettings

    @staticmethod
    def measure(mix: TrainingMix) -> dict[str, Any]:
        """Return how many pixels of the real tiles belong to each class, background first; none without classes."""
        if not mix.real.info.classes:
            return {"pixels": []}
        pixels = np.zeros(len(mix.real.info.classes) + 1, np.int64)
        for index in range(len(mix.real)):
            sample = mix.real[index]
            assert sample.instances is not None
            assert sample.types is not None
            types = np.concatenate([np.zeros(1, np.uint8), sample.types])[sample.instances]
            pixels += np.bincount(types.ravel(), minlength=len(pixels))
        return {"pixels": pixels.tolist()}

    @property
    def sizes(self) -> Sizes:
        """Return the sizes of the network during training.

        The published network sees more than it predicts. For the small network only the labels extend further, so that
        a nucleus that is cut by the border of a patch has the distances of the whole nucleus.
        """
        if self.config.network == "small":
            return Sizes(self.config.patch, self.config.patch, MARGIN)
        return Sizes(self.config.patch, OUTPUT, 0)

    def build(self) -> nn.Module:
        """Return the network with random weights drawn from torch's global generator."""
        n_types = len(self.subject.classes)
        if self.config.network == "small":
            return SmallSonnet(n_types, self.config.width)
        return PublishedSonnet(n_types)

    def start(self, network: nn.Module) -> bool:
        """Load ImageNet weights of the encoder or weights of all layers, and return whether there are any."""
        if self.config.encoder_weights is None:
            return super().start(network)
        from downstream.sonnet.released import load_encoder

        assert isinstance(network, PublishedSonnet)
        load_encoder(network.encoder, self.config.encoder_weights)
        return True

    def encoder(self, network: nn.Module) -> Sequence[nn.Module]:
        """Return the modules that are frozen together with the encoder."""
        if isinstance(network, PublishedSonnet):
            return [network.encoder]
        assert isinstance(network, SmallSonnet)
        return network.encoder()

    def targets(self, patch: Patch) -> dict[str, np.ndarray]:
        """Return nucleus pixels, ordinal labels and types."""
        return make_targets(patch.instances, patch.types, self.sizes.output, self.subject.mpp)._asdict()

    def loss(
        self, output: Mapping[str, Tensor], batch: Mapping[str, Tensor], typed: Bool[Tensor, " n"] | None, phase: Phase
    ) -> dict[str, Tensor]:
        """Return the weighted sum under `loss`, and its terms by name."""
        weights = class_weights(self.numbers["pixels"]).tolist() if self.subject.classes else []
        return sonnet_loss(output, batch, self.config.loss, weights, typed, self_guided=phase.self_guided)

    def maps(self, output: Mapping[str, Tensor]) -> Float32[Tensor, "n c p q"]:
        """Return the nucleus probability, the ordinal label, and the logits of the types, if there are any."""
        nucleus = output["np"].float().softmax(1)[:, 1:]
        ordinal = decode_ordinal(output["ord"])[:, None].float()
        logits = [output["tp"].float()] if "tp" in output else []
        return torch.cat([nucleus, ordinal, *logits], dim=1)

    @property
    def decoder(self) -> SonnetDecoder:
        """Return the conversion of maps to nuclei."""
        return SonnetDecoder(self.subject.mpp, self.config.threshold, self.config.core)

    def windows(self, height: int, width: int) -> tuple[Windows, Windows, int]:
        """Return how an image's rows and columns are cut, and how many windows are predicted at a time."""
        if self.config.network == "small":
            rows, columns = (whole(length, self.config.window, MARGIN, ALIGN) for length in (height, width))
            return rows, columns, 1
        rows, columns = (Windows(length, self.config.patch, self.config.step) for length in (height, width))
        return rows, columns, self.config.window_batch
