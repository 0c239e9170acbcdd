"""Encoders by card: the shipped ones, and `card:<file>` for any other network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from bench.errors import ConfigError
from bench.weights import Weights
from metrics.encoders.card import EncoderCard, read_card, shipped_card
from metrics.encoders.described import DescribedEncoder
from metrics.encoders.weights import WeightsFile

_NEEDED = Weights(
    name="a card of your own",
    setting="the encoder's spec to card:/path/to/card.yaml",
    source="any publisher",
    size="any",
    reason="No card was named.",
)


class ShippedEncoder(DescribedEncoder):
    """Base of the encoders whose card is shipped; the card is read when it is first needed."""

    card: ClassVar[str]

    @classmethod
    def file(cls) -> WeightsFile:
        """Return the file of weights that the card names."""
        return shipped_card(cls.card).weights_file()

    @classmethod
    def recipe(cls) -> EncoderCard:
        """Return the card."""
        return shipped_card(cls.card)

    @classmethod
    def weights(cls, folder: Path | None) -> Sequence[Weights]:
        """Return the one file, with the card's preprocessing."""
        return (cls.file().weights(folder, cls.recipe().preprocessing.describe()),)


class OwnCard(DescribedEncoder):
    """The encoder `card:<file>`: any network of a known library, described by a user's own card."""

    card: ClassVar[EncoderCard | None] = None
    own_folder: ClassVar[Path | None] = None

    @classmethod
    def with_argument(cls, argument: str) -> type[OwnCard]:
        """Return the encoder that a card describes; its weights are looked for next to the card first.

        Raises:
            ConfigError: there is no such file, or it is not a card.
        """
        path = Path(argument).expanduser()
        return type(cls.__name__, (cls,), {"card": read_card(path), "own_folder": path.parent})

    @classmethod
    def file(cls) -> WeightsFile:
        """Return the file of weights that the card names."""
        return cls.recipe().weights_file(cls.own_folder)

    @classmethod
    def recipe(cls) -> EncoderCard:
        """Return the card.

        Raises:
            ConfigError: no card was named.
        """
        if cls.card is None:
            raise ConfigError(
                "The encoder 'card' needs a card",
                got="none was named",
                fix="name the card in the encoder's spec: card:/path/to/card.yaml",
            )
        return cls.card

    @classmethod
    def weights(cls, folder: Path | None) -> Sequence[Weights]:
        """Return the one file; without a card, say that a card is needed."""
        if cls.card is None:
            return (_NEEDED,)
        return (cls.file().weights(folder, cls.card.preprocessing.describe()),)


class PLIP(ShippedEncoder):
    """PLIP."""

    card = "plip"


class DINOv2(ShippedEncoder):
    """DINOv2, ViT-L/14."""

    card = "dinov2-vit-l-14"


class UNI(ShippedEncoder):
    """UNI."""

    card = "uni"


class UNI2(ShippedEncoder):
    """UNI2-h."""

    card = "uni2-h"


class Virchow2(ShippedEncoder):
    """Virchow2."""

    card = "virchow2"


class PhikonV2(ShippedEncoder):
    """Phikon-v2."""

    card = "phikon-v2"


class CONCH(ShippedEncoder):
    """CONCH."""

    card = "conch"


class HOptimus0(ShippedEncoder):
    """H-optimus-0."""

    card = "h-optimus-0"
