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
    """An encoder by name: identity and label are known without torch; `load` makes it on a device."""

    name: str
    plugin: Any
    weights: Path | None

    @property
    def identity(self) -> str:
        """Hash of weights and name of preprocessing."""
        return str(self.plugin.identify(self.weights))

    @property
    def metric_name(self) -> str:
        """The name under which distances on its features are reported."""
        return str(self.plugin.label(self.weights))

    def missing(self) -> Iterable[Missing]:
        """Yield its weights where they are not found."""
        needed = self.plugin.requirement(self.weights)
        if not needed.found:
            yield Missing(
                f"expected {needed.name} ({needed.size}) for encoder {self.name!r}",
                needed.reason or "not found",
                f"get it from {needed.source}; {needed.setting}; "
                "or choose another with --set encoders=[random-convnet]",
            )

    def load(self, device: str) -> Encoder:
        """Make the encoder on a device."""
        encoder: Encoder = self.plugin(self.weights, device)
        return encoder


def encoder_handle(spec: str, weights: Path | None) -> EncoderHandle:
    """Return the handle of `name` or `name:argument`; the argument is a file and wins over the folder of weights.

    Raises:
        ConfigError: no such encoder.
    """
    from metrics.encoders import resolve

    name, argument = resolve(spec)
    chosen = weights if argument is None else Path(argument).expanduser()
    return EncoderHandle(spec, load("encoders", name), chosen)
