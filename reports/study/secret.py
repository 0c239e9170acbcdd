"""Everything that is random in a study: names and orders, drawn from a secret that only the owner has.

A seeded generator would not do: someone who knows the code and a small seed could draw the same order again, and read
from it which images are real.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Hashable, Iterable
from itertools import count
from typing import TypeVar

_Item = TypeVar("_Item")
_LENGTH = 12


class Secret:
    """Draws names and orders; the same secret draws the same ones."""

    def __init__(self, text: str = "") -> None:
        """Use a secret text, or a new one of 128 bits if it is empty."""
        self.text = text or secrets.token_hex(16)

    def draw(self, *names: Hashable) -> str:
        """Return 64 hexadecimal digits that belong to names."""
        message = "\n".join(str(name) for name in names)
        return hmac.new(self.text.encode(), message.encode(), hashlib.sha256).hexdigest()

    def name(self, *names: Hashable) -> str:
        """Return a short random name that belongs to names."""
        return self.draw(*names)[:_LENGTH]

    def below(self, n: int, *names: Hashable) -> int:
        """Return a random number from 0 to n - 1."""
        return int(self.draw(*names), 16) % n

    def shuffled(self, items: Iterable[_Item], *names: Hashable) -> list[_Item]:
        """Return items in a random order."""
        return [
            item
            for _, item in sorted(((self.draw(*names, "item", n), item) for n, item in enumerate(items)), key=_first)
        ]

    def alternated(
        self, items: Iterable[_Item], kind: Callable[[_Item], str], start: int, *names: Hashable
    ) -> list[_Item]:
        """Return items in a random order in which their kinds take turns, beginning with kind number `start`.

        The kinds take turns in the same order for all names, so that samples of several sets have equal numbers of
        each kind, as far as there are enough.
        """
        kinds: dict[str, list[_Item]] = {}
        for item in self.shuffled(items, *names):
            kinds.setdefault(kind(item), []).append(item)
        ordered = self.shuffled(sorted(kinds), "kinds")
        ordered = ordered[start % len(ordered) :] + ordered[: start % len(ordered)] if ordered else []
        turns = {name: count(place, len(ordered)) for place, name in enumerate(ordered)}
        placed = [(next(turns[name]), item) for name in ordered for item in kinds[name]]
        return [item for _, item in sorted(placed, key=_first)]


def _first(pair: tuple[Hashable, _Item]) -> Hashable:
    return pair[0]
