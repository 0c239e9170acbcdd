"""Encoders by card: those that are shipped, and `card:<file>` for any other network."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NoReturn

from bench.errors import ConfigError
from metrics.encoders.card import read_card, ready_card
from metrics.encoders.described import Described
from metrics.encoders.weights import EncoderRequirement

_SETTING = "the encoder's spec to card:/path/to/card.yaml"
_FIX = "name the card in the encoder's spec: card:/path/to/card.yaml"


def ready(name: str) -> Described:
    """Return the encoder of a card that is shipped; the card is read when it is first asked.

    >>> ready("uni").recipe.preprocessing.size
    224
    """
    return Described(lambda: ready_card(name).weights_file(), partial(ready_card, name))


class OwnCard:
    """The encoder `card:<file>`: any network of a known library, described by a card of the user's own."""

    def with_argument(self, argument: str) -> Described:
        """Return the encoder that a card describes; its weights are sought beside the card first."""
        path = Path(argument).expanduser()
        return Described(lambda: read_card(path).weights_file(path.parent), lambda: read_card(path))

    def requirement(self, weights: Path | None) -> EncoderRequirement:
        """Say that a card is needed."""
        return EncoderRequirement("a card of your own", _SETTING, "any publisher", "any", reason="No card was named.")

    def label(self, weights: Path | None) -> NoReturn:
        """Refuse: a card must be named."""
        raise ConfigError("expected a card for encoder 'card'", got="none was named", fix=_FIX)

    identify = label

    def __call__(self, weights: Path | None, device: str) -> NoReturn:
        """Refuse: a card must be named."""
        self.label(weights)


CARD = OwnCard()
PLIP = ready("plip")
DINOV2 = ready("dinov2-vit-l-14")
UNI = ready("uni")
UNI2_H = ready("uni2-h")
VIRCHOW2 = ready("virchow2")
PHIKON_V2 = ready("phikon-v2")
CONCH = ready("conch")
H_OPTIMUS_0 = ready("h-optimus-0")
