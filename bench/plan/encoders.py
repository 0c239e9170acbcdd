"""Encoders by name; their weights are not loaded."""

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
    """An encoder by name: identity and label are available without torch; `load` makes it on a device."""

    name: str
    plugin: type[Encoder]
    weights: Path | None

    def __reduce__(self) -> tuple[Callable[[str, Path | None], EncoderHandle], tuple[str, Path | None]]:
        # the class of an encoder with an argument exists in this process only: another process makes it again
        return encoder_handle, (self.name, self.weights)

    @property
    def identity(self) -> str:
        """Hash of the weights, and the preprocessing in words."""
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
        """Yield its weights if they are not found; `other` is the option that selects another encoder."""
        needed = self.plugin.weights(self.weights)
        return check_weights(f"encoder {self.name!r}", needed, f"choose another with {other}")

    def load(self, device: str) -> Encoder:
        """Make the encoder on a device."""
        return self.plugin(self.weights, device)


def encoder_handle(spec: str, weights: Path | None) -> EncoderHandle:
    """Return the handle of `name` or `name:argument`.

    The argument is a file, which takes precedence over the folder of weights, unless the encoder interprets it itself
    (`with_argument`), as an architecture or a card.

    Raises:
        ConfigError: there is no encoder of this name.
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
