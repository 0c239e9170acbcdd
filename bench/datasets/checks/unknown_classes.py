"""Classes that labels have and a card does not: reported once for all files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from bench.errors import DataError

Item = TypeVar("Item")


class UnknownClassError(DataError):
    """Labels of one file with classes that the card does not have.

    Args:
        where: the file, or how many there are.
        classes: the ids, 0 for a nucleus without a class.
        known: the ids that the card has.
        fix: how to fix it.
    """

    def __init__(self, where: str, classes: Sequence[int], known: Iterable[int], fix: str) -> None:
        self.classes, self.known, self.where = tuple(classes), tuple(sorted(known)), where
        super().__init__(f"The labels in {where} have classes that the card does not have", got=self.brief, fix=fix)

    @property
    def brief(self) -> str:
        """What was found, without the file."""
        found = ", ".join(_name(index) for index in self.classes)
        return f"{found}; the card has {', '.join(map(str, self.known))}"


def over_all(first: UnknownClassError, items: Iterable[Item], read: Callable[[Item], object]) -> DataError:
    """Return one error for all items whose labels have unknown classes, of which `first` was found first."""
    files: Counter[int] = Counter()
    n = 0
    for item in items:
        try:
            read(item)
        except UnknownClassError as error:
            files.update(error.classes)
            n += 1
        except DataError:  # another problem, which is reported when this one is solved
            continue
    if n < 2:
        return first
    found = ", ".join(f"{_name(index)} in {count} files" for index, count in sorted(files.items()))
    got = f"{found}; the card has {', '.join(map(str, first.known))} (first: {first.where})"
    return DataError(f"The labels of {n} files have classes that the card does not have", got=got, fix=first.fix)


def _name(index: int) -> str:
    return f"class {index}" if index else "a nucleus without a class"
