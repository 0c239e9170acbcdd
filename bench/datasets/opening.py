"""From a dataset's name, or the path of its card, to the source that reads it."""

from __future__ import annotations

from pathlib import Path

from bench.datasets.card import DatasetCard, is_path, load_card
from bench.datasets.source import DatasetSource
from bench.errors import ConfigError
from bench.registry import load


def open_source(name: str, root: Path | None) -> DatasetSource:
    """Return the source of a dataset; nothing is read yet.

    Args:
        name: a dataset that ships a card, or the path of a card of one's own.
        root: the folder that holds datasets; for a card of one's own the card's folder where it is None.

    Raises:
        ConfigError: no such dataset or card, or the card is one of a generic source.
    """
    card = load_card(name)
    if card.generic:
        raise ConfigError(
            f"expected a dataset, or the card of one of your own that names `source: {card.name}`",
            got=f"{card.name!r}, which reads many datasets",
            fix=f"write a card as `bench list datasets` and examples/cards show; {card.how_to_get}",
        )
    if is_path(name) and root is None:
        root = Path(name).expanduser().absolute().parent
    return source_of(card, root)


def source_of(card: DatasetCard, root: Path | None) -> DatasetSource:
    """Return the source that a card names, over a data root."""
    source: DatasetSource = load("datasets", card.source or card.name)(card, root)
    return source
