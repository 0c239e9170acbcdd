"""YAML that may be hostile: it is refused before a small text becomes a large value."""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache
from typing import Any

import yaml

MOST_CHARACTERS = 1 << 20
MOST_NODES = 50_000
"""Keys and values of a text, with those of every alias; the largest file that ships has 800."""
MOST_DIGITS = 400
"""Characters of a number. YAML has numbers of base 60, which take minutes, and others that Python cannot show."""


class TwiceError(yaml.MarkedYAMLError):
    """A mapping that has a key twice: YAML forbids it, and PyYAML would silently use the last value."""


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which stops at too many nodes instead of reading on for minutes."""

    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the next node; PyYAML calls this for every key and value."""
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise _too_many()
        return super().compose_node(parent, index)

    def bounded_int(self, node: yaml.ScalarNode) -> int:
        """Return an integer that is not too long."""
        if len(node.value) > MOST_DIGITS:
            raise ValueError(f"a number of {len(node.value):,} characters; at most {MOST_DIGITS} are read")
        return super().construct_yaml_int(node)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.bounded_int)


def load_yaml(text: str) -> Any:
    """Return the value of a YAML text, made of plain types only; each call returns a value of its own.

    A suite of many runs reads the same cards again and again, so values are kept. An alias counts as all that it stands
    for, so that nested aliases ("billion laughs") are refused.

    Raises:
        yaml.YAMLError: the text is not YAML, too long, nested too deeply, stands for too many values, has a number of
            too many digits, or a key twice in one mapping.
    """
    if len(text) > MOST_CHARACTERS:
        raise yaml.YAMLError(f"{len(text):,} characters; at most {MOST_CHARACTERS:,} are read")
    return deepcopy(_parsed(text))


@lru_cache(maxsize=256)
def _parsed(text: str) -> Any:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _weigh(node, {})
        return loader.construct_document(node)
    except RecursionError:
        raise yaml.YAMLError("values that are nested too deeply") from None
    except (ValueError, OverflowError, AttributeError, TypeError) as error:  # such as the date 2024-13-45
        raise yaml.YAMLError(f"a value that cannot be read: {error}") from error
    finally:
        loader.dispose()


def _weigh(node: yaml.Node, known: dict[int, int]) -> int:
    """Return the number of nodes that a node stands for; 0 in `known` marks one that is being counted."""
    found = known.get(id(node))
    if found == 0:
        raise yaml.YAMLError("a value that contains itself")
    if found is not None:
        return found
    known[id(node)] = 0
    below: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        _check_keys(node)
        below = [part for pair in node.value for part in pair]
    elif isinstance(node, yaml.SequenceNode):
        below = node.value
    total = 1
    for part in below:
        total += _weigh(part, known)
        if total > MOST_NODES:
            raise _too_many()
    known[id(node)] = total
    return total


def _check_keys(node: yaml.MappingNode) -> None:
    first: dict[tuple[str, str], yaml.Node] = {}
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            before = first.setdefault((key.tag, key.value), key)
            if before is not key:
                line = before.start_mark.line + 1
                raise TwiceError(None, None, f"the key {key.value!r} is also in line {line}", key.start_mark)


def _too_many() -> yaml.YAMLError:
    return yaml.YAMLError(f"more than {MOST_NODES:,} keys and values, with those that aliases stand for")
