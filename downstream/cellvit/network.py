"""CellViT as the harness uses it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

from bench.contract import Weights
from downstream.cellvit.config import CellViTConfig
from downstream.nuclei.plugin import NucleusNetwork
from metrics.encoders.weights import WeightsFile

SAM = WeightsFile.of_card("sam-vit-b", "samvit_base_patch16.sa1b")
"""Where the encoder's published weights are."""


class CellViT(NucleusNetwork):
    """CellViT-SAM-B (Hörst et al., MedIA 94:103143, 2024) on an arm of real and synthetic patches."""

    Config: ClassVar[type[CellViTConfig]] = CellViTConfig
    family: ClassVar[str] = "downstream.cellvit.family:CellViTFamily"
    title: ClassVar[str] = "CellViT"
    config: CellViTConfig

    def with_weights(self, folder: Path | None) -> Self:
        """Return the network with SAM's weights from a folder, if it has them and the settings name no other file.

        Without a file, the encoder starts from random weights and is never frozen; the row says which of them it was.
        """
        config = self.config
        named = config.encoder_weights or config.pretrained or config.released
        if config.network == "small" or named is not None:
            return self
        found = SAM.path(folder) if folder is not None and folder.is_dir() else None
        return type(self)(config.model_copy(update={"encoder_weights": found}))

    def weights(self) -> Sequence[Weights]:
        """Return the files that the settings name."""
        path = self.config.encoder_weights
        if path is None:
            return super().weights()
        there = path.is_file()
        needed = Weights(
            name="the weights of SAM's ViT-B encoder",
            setting="--weights or BENCH_WEIGHTS to a folder with the file, or downstream.encoder_weights to it",
            source=SAM.source,
            size=SAM.size,
            licence=SAM.licence,
            path=path if there else None,
            reason="" if there else f"no file {path}",
            card=SAM.card,
        )
        return (needed,)
