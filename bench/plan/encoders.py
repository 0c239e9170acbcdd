"""Encoders by name, known without loading their weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.plan.checks import Missing, check_weights
from bench.plugin_version import version_of
from bench.registry import load

if TYPE_CHECKING:
    from metrics.encoders.base import Encoder


@dataclass(frozen=True)
class EncoderHandle:
    """An encoder by name: identity and label are known without torch; `load` makes it on a device."""

    name: str
    plugin: type[Encoder]
    weights: Path | None

    def __reduce__(self) -> tuple[Callable[[str, Path | None], EncoderHandle], tuple[str, Path | None]]:
        # the class of an encoder with an argument exists in this process only: another one makes it again
        return encoder_handle, (self.name, self.weights)

    @property
    def identity(self) -> str:
        """Hash of weights and name of preprocessing."""
        return self.plugin.identify(self.weights)

    @property
    def version(self) -> int:
        """Version of the code that computes the features."""
        return version_of(self.plugin)

    @property
    def metric_name(self) -> str:
        """The name under which distances on its features are reported."""
        return self.plugin.label(self.weights)

    def missing(self, other: str = "--set encoders=[random-convnet]") -> Iterable[Missing]:
        """Return its weights where they are not found; `other` is how to ask for another encoder."""
        needed = self.plugin.weights(self.weights)
        return check_weights(f"encoder {self.name!r}", needed, f"choose another with {other}")

    def load(self, device: str) -> Encoder:
        """Make the encoder on a device."""
        return self.plugin(self.weights, device)


def encoder_handle(spec: str, weights: Path | None) -> EncoderHandle:
    """Return the handle of `name` or `name:argument`.

    The argument is a file, which wins over the folder of weights, except where an encoder reads it itself
    (`with_argument`): an architecture, a card.

    Raises:
        ConfigError: no such encoder.
    """
    from metrics.encoders import resolve

    name, argument = resolve(spec)
    plugin: type[Encoder] = load("encoders", name)
    if argument is None:
        return EncoderHandle(spec, plugin, weights)
    meant = plugin.with_argument(argument)
    if meant is not None:
        return EncoderHandle(spec, meant, weights)
    return EncoderHandle(spec, plugin, Path(argument).expanduser())
