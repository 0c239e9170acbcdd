"""Where the keys of a YAML file are: line and column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Lines:
    """The places of keys in a YAML file, of which a model may describe only a part: what is below the keys `below`."""

    path: Path
    below: tuple[str | int, ...] = ()

    def of(self, keys: Sequence[str | int]) -> str:
        """Return the place of the last key that the file has, such as "line 4, column 7"; empty if it has none.

        Keys that come from elsewhere, such as a card that this one extends, have no place here.
        """
        place, node = None, self._root
        for key in (*self.below, *keys):
            found = _child(node, key)
            if found is None:
                break
            place, node = found
        return "" if place is None else words(place)

    @cached_property
    def _root(self) -> yaml.Node | None:
        return yaml.compose(self.path.read_text(encoding="utf-8"), yaml.SafeLoader)


def words(mark: yaml.Mark) -> str:
    """Return a place in words; lines and columns are counted from 1."""
    return f"line {mark.line + 1}, column {mark.column + 1}"


def _child(node: yaml.Node | None, key: str | int) -> tuple[yaml.Mark, yaml.Node] | None:
    """Return where a key of a mapping or an item of a list begins, and its value."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return name.start_mark, value
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key].start_mark, node.value[key]
    return None
