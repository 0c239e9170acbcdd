"""The division of a dataset that is one list of tiles, as its card says."""

from __future__ import annotations

from collections.abc import Sequence

from bench.datasets.card import DatasetCard
from bench.datasets.splits.division import divide
from bench.errors import ConfigError


def divided(
    card: DatasetCard,
    groups: Sequence[str],
    tissues: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
) -> dict[str, list[int]]:
    """Return the indices of the card's splits, training first; no group is in both.

    Args:
        card: names the splits, and how they are cut (`divide`); without `divide` its only split holds everything.
        groups: slide or patient of each tile.
        tissues: tissue of each tile, if known.
        labels: image-level class of each tile, if it has one.

    Raises:
        ConfigError: the card has several splits but no `divide`, not two splits, or an unknown stratum.
        DataError: there are fewer than two groups.
    """
    if card.divide is None and len(card.splits) == 1:
        return {card.splits[0]: list(range(len(groups)))}
    if card.divide is None or len(card.splits) != 2:
        raise ConfigError(
            f"The card of {card.name} does not divide it into two splits",
            got=f"divide: {card.divide}, splits: {', '.join(card.splits)}",
            fix="write `divide: {test: 0.2}` and `splits: [train, test]`",
        )
    by = card.divide.stratify
    strata = {"none": None, "label": labels, "tissue": tissues}[by]
    if strata is None and by != "none":
        got = f"stratify: {by}"
        raise ConfigError(f"{card.name} has no data to stratify by", got=got, fix="write `stratify: none`")
    train, test = divide(groups, card.divide, strata)
    return {card.splits[0]: train, card.splits[1]: test}
