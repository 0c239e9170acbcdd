"""HoVer-Net in the protocol of nucleus networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32
from torch import Tensor, nn

from downstream.hovernet.config import HoVerNetConfig
from downstream.hovernet.decode import HoVerNetDecoder
from downstream.hovernet.losses import hovernet_loss
from downstream.hovernet.published import OUTPUTS, PublishedHoVerNet, load_encoder
from downstream.hovernet.small import ALIGN, MARGIN, SmallHoVerNet
from downstream.nuclei.family import Family, Sizes
from downstream.nuclei.settings import Phase
from downstream.patches import Patch
from downstream.targets import make_targets
from downstream.tiles import Windows, whole


class HoVerNetFamily(Family):
    """HoVer-Net (Graham et al., MedIA 58:101563, 2019): the published network or the small one."""

    name = "hovernet"
    release = "hovernet"
    config: HoVerNetConfig

    @property
    def sizes(self) -> Sizes:
        """Return the sizes of the network during training.

        The published networks see more than they predict. For the small network only the labels extend further, so
        that a nucleus that is cut by the border of a patch has the offsets of the whole nucleus.
        """
        if self.config.network == "small":
            return Sizes(self.config.patch, self.config.patch, MARGIN)
        return Sizes(self.config.patch, OUTPUTS[self.config.network], 0)

    def build(self) -> nn.Module:
        """Return the network with random weights drawn from torch's global generator."""
        n_types = len(self.subject.classes)
        if self.config.network == "small":
            return SmallHoVerNet(n_types, self.config.width)
        return PublishedHoVerNet(n_types, self.config.network)

    def start(self, network: nn.Module) -> bool:
        """Load the release's encoder weights or weights of all layers, and return whether there are any."""
        if self.config.encoder_weights is None:
            return super().start(network)
        assert isinstance(network, PublishedHoVerNet)
        load_encoder(network, self.config.encoder_weights)
        return True

    @property
    def release_settings(self) -> dict[str, Any]:
        """Return the mode, since a file of the other mode does not fit."""
        return {"mode": self.config.network}

    def encoder(self, network: nn.Module) -> Sequence[nn.Module]:
        """Return the modules that are frozen together with the encoder."""
        assert isinstance(network, SmallHoVerNet | PublishedHoVerNet)
        return network.encoder()

    def targets(self, patch: Patch) -> dict[str, np.ndarray]:
        """Return nucleus pixels, offsets and types."""
        targets = make_targets(patch.instances, patch.types, self.sizes.output, self.subject.mpp)
        return {"nucleus": targets.nucleus, "hv": np.moveaxis(targets.hv, -1, 0), "types": targets.types}

    def loss(
        self, output: Mapping[str, Tensor], batch: Mapping[str, Tensor], typed: Bool[Tensor, " n"] | None, phase: Phase
    ) -> dict[str, Tensor]:
        """Return the weighted sum under `loss`, and its terms by name."""
        return hovernet_loss(output, batch["nucleus"], batch["hv"], batch["types"], self.config.loss, typed=typed)

    def maps(self, output: Mapping[str, Tensor]) -> Float32[Tensor, "n c p q"]:
        """Return the nucleus probability, the offsets x and y, and the logits of the types, if there are any."""
        nucleus = output["np"].float().softmax(1)[:, 1:]
        return torch.cat([nucleus, *(output[name].float() for name in ("hv", "tp") if name in output)], dim=1)

    @property
    def decoder(self) -> HoVerNetDecoder:
        """Return the conversion of maps to nuclei."""
        config = self.config
        return HoVerNetDecoder(len(self.subject.classes), self.subject.mpp, config.threshold, config.edge)

    def windows(self, height: int, width: int) -> tuple[Windows, Windows, int]:
        """Return how an image's rows and columns are cut, and how many windows are predicted at a time."""
        if self.config.network == "small":
            rows, columns = (whole(length, self.config.window, MARGIN, ALIGN) for length in (height, width))
            return rows, columns, 1
        size, output, _ = self.sizes
        return Windows(height, size, output), Windows(width, size, output), self.config.window_batch
