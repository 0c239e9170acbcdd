"""Encoders by name, known without loading their weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.contract import Encoder
from bench.plan.checks import Missing
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
    def version(self) -> int:
        """Version of the code that computes the features."""
        return int(self.plugin.version)

    @property
    def metric_name(self) -> str:
        """The name under which distances on its features are reported."""
        return str(self.plugin.label(self.weights))

    def missing(self, other: str = "--set encoders=[random-convnet]") -> Iterable[Missing]:
        """Yield its weights where they are not found; `other` is how to ask for another encoder."""
        needed = self.plugin.requirement(self.weights)
        if not needed.found:
            yield Missing(
                f"expected {needed.name} ({needed.size}) for encoder {self.name!r}",
                needed.reason or "not found",
                f"get it from {needed.source}; set {needed.setting}; or choose another with {other}",
            )

    def load(self, device: str) -> Encoder:
        """Make the encoder on a device."""
        encoder: Encoder = self.plugin(self.weights, device)
        return encoder


def encoder_handle(spec: str, weights: Path | None) -> EncoderHandle:
    """Return the handle of `name` or `name:argument`.

    The argument is a file, which wins over the folder of weights, except where an encoder reads it itself
    (`with_argument`): an architecture, a card.

    Raises:
        ConfigError: no such encoder.
    """
    from metrics.encoders import resolve

    name, argument = resolve(spec)
    plugin = load("encoders", name)
    if argument is not None and hasattr(plugin, "with_argument"):
        return EncoderHandle(spec, plugin.with_argument(argument), weights)
    chosen = weights if argument is None else Path(argument).expanduser()
    return EncoderHandle(spec, plugin, chosen)
