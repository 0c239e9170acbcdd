"""Encoders by name, known without loading their weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.contract import Encoder
from bench.preflight import Missing
from bench.registry import load


@dataclass(frozen=True)
class EncoderHandle:
    """An encoder by name: its identity is known without loading it; `load` makes it on a device."""

    name: str
    plugin: Any
    weights: Path | None

    @property
    def identity(self) -> str:
        """Hash of weights and name of preprocessing."""
        return str(self.plugin.identify(self.weights))

    def load(self, device: str) -> Encoder:
        """Make the encoder."""
        encoder: Encoder = self.plugin(self.weights, device)
        return encoder


