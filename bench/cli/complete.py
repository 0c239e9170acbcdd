"""Names that a shell completes after an option."""

from __future__ import annotations


def methods() -> list[str]:
    """Return the names of methods."""
    from bench.registry import names

    return list(names("methods"))


def datasets() -> list[str]:
    """Return the names of datasets that can be run as they are."""
    from bench.datasets.card import card_names, load_card

    return [name for name in card_names() if not load_card(name).generic]


def presets() -> list[str]:
    """Return the names of presets."""
    from bench.config import preset_names

    return list(preset_names())


def weights() -> list[str]:
    """Return the names of published weights."""
    from bench.weight_cards import weight_card_names

    return list(weight_card_names())
