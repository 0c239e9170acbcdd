"""Classes of released weights, compared with those of the dataset that they are used on."""

from __future__ import annotations

from collections.abc import Sequence

from bench.errors import ConfigError, DataError


def compare_classes(what: str, held: int, stated: Sequence[str] | None, names: Sequence[str]) -> None:
    """Compare number and order of classes.

    Args:
        what: the weights, for the error.
        held: the number of classes that the weights have.
        stated: the names of these classes in their order, where the user gives them; no file contains them.
        names: the classes of the dataset, in order.

    Raises:
        ConfigError: `stated` has another number of names than the weights have classes.
        DataError: the dataset's classes are others, or in another order.
    """
    if stated is not None and len(stated) != held:
        raise ConfigError(
            f"{what} has {held} classes",
            got=f"{len(stated)} names in released_classes: {', '.join(stated)}",
            fix="give one name per class, without the background",
        )
    if held != len(names):
        raise DataError(
            f"{what} must have the {len(names)} classes of the dataset ({', '.join(names) or 'none'})",
            got=f"{held} classes",
            fix="choose a checkpoint that was trained on these classes, or a card with the checkpoint's classes",
        )
    if stated is not None and list(stated) != list(names):
        raise DataError(
            f"{what} must have the classes of the dataset in its order, {', '.join(names)}",
            got=", ".join(stated),
            fix="use a card whose classes have the names and the order of the checkpoint's",
        )
