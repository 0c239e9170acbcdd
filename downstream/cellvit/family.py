"""CellViT in the protocol of nucleus networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float32
from torch import Tensor, nn

from bench.contract import SampleRecord
from downstream.augment_extra import extra
from downstream.cellvit.config import CellViTConfig
from downstream.cellvit.decode import CellViTDecoder
from downstream.cellvit.encoder import load_encoder
from downstream.cellvit.losses import cellvit_loss
from downstream.cellvit.oversampling import tile_weights
from downstream.cellvit.published import PublishedCellViT, tissue_count
from downstream.cellvit.small import MARGIN, SmallCellViT
from downstream.nuclei.family import Family, Sizes
from downstream.nuclei.settings import NucleusSettings, Phase
from downstream.patches import Patch
from downstream.targets import make_targets
from downstream.tiles import Windows

OVERLAP = 32
"""Pixels at each border of a window that are cut off where an image has several windows; at most a quarter of it."""


class CellViTFamily(Family):
    """CellViT-SAM-B (Hörst et al., MedIA 94:103143, 2024): the published network or the small one."""

    name = "cellvit"
    release = "cellvit-sam-b"
    config: CellViTConfig

    @staticmethod
    def oversampling(config: NucleusSettings, records: Sequence[SampleRecord]) -> Float32[np.ndarray, " n"] | None:
        """Return weights by the rarity of a tile's classes and of its tissue."""
        assert isinstance(config, CellViTConfig)
        if config.oversampling == "none":
            return None
        by_cell, by_tissue = (part in config.oversampling for part in ("cell", "tissue"))
        return tile_weights(records, config.oversampling_gamma, by_cell=by_cell, by_tissue=by_tissue)

    @property
    def sizes(self) -> Sizes:
        """Return the sizes of the network during training.

        The published network learns the offsets of the visible part of a nucleus, as in the release. For the small one,
        labels extend beyond the patch.
        """
        return Sizes(self.config.patch, self.config.patch, MARGIN if self.config.network == "small" else 0)

    def build(self) -> nn.Module:
        """Return the network with random weights drawn from torch's global generator."""
        n_types, n_tissues = len(self.subject.classes), tissue_count(self.subject.tissues)
        if self.config.network == "small":
            return SmallCellViT(n_types, n_tissues, self.config.width, self.config.depth)
        return PublishedCellViT(n_types, n_tissues)

    def start(self, network: nn.Module) -> bool:
        """Load SAM's encoder or weights of all layers, and return whether there are any."""
        if self.config.encoder_weights is None:
            return super().start(network)
        assert isinstance(network, PublishedCellViT)
        load_encoder(network.encoder, self.config.encoder_weights)
        return True

    def encoder(self, network: nn.Module) -> Sequence[nn.Module]:
        """Return the modules that are frozen together with the encoder."""
        assert isinstance(network, PublishedCellViT | SmallCellViT)
        return network.frozen()

    def augment(self, patch: Patch, rng: np.random.Generator) -> Patch:
        """Change colours as HoVer-Net does where that is switched on, then apply the release's operations."""
        return extra(super().augment(patch, rng), rng, self.config.extra)

    def targets(self, patch: Patch) -> dict[str, np.ndarray]:
        """Return nucleus pixels, offsets, types and the tissue, -1 if it is unknown."""
        targets = make_targets(patch.instances, patch.types, self.sizes.output, self.subject.mpp)
        tissues = self.subject.tissues
        tissue = tissues.index(patch.tissue) if patch.tissue is not None and patch.tissue in tissues else -1
        return {
            "nucleus": targets.nucleus,
            "hv": np.moveaxis(targets.hv, -1, 0),
            "types": targets.types,
            "tissue": np.array(tissue, np.int64),
        }

    def loss(
        self, output: Mapping[str, Tensor], batch: Mapping[str, Tensor], typed: Bool[Tensor, " n"] | None, phase: Phase
    ) -> dict[str, Tensor]:
        """Return the weighted sum under `loss`, and the terms by name."""
        return cellvit_loss(output, batch, self.config.loss, typed)

    def maps(self, output: Mapping[str, Tensor]) -> Float32[Tensor, "n c p q"]:
        """Return the nucleus probability, the offsets x and y, and the logits of the types, if there are any."""
        nucleus = output["nuclei_binary_map"].float().softmax(1)[:, 1:]
        others = (output[name].float() for name in ("hv_map", "nuclei_type_map") if name in output)
        return torch.cat([nucleus, *others], dim=1)

    @property
    def decoder(self) -> CellViTDecoder:
        """Return the conversion of maps to nuclei."""
        config = self.config
        return CellViTDecoder(len(self.subject.classes), self.subject.mpp, config.threshold, config.edge)

    def windows(self, height: int, width: int) -> tuple[Windows, Windows, int]:
        """Return windows of the patch's size, because positions and attention depend on it.

        An image that fits into one window is predicted whole, as in the release; others in windows that overlap.
        """
        margin = min(OVERLAP, self.config.patch // 4)
        rows, columns = (_windows(length, self.config.patch, margin) for length in (height, width))
        return rows, columns, self.config.window_batch


def _windows(length: int, size: int, margin: int) -> Windows:
    return Windows(length, size, size if length <= size else size - 2 * margin)
