"""`--set key=value`: typed overrides of the method, the downstream network or the preset."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from bench.config.files import merge
from bench.config.yaml_text import load_yaml
from bench.digest import digest_file
from bench.errors import ConfigError
from bench.paths import impossible


class Overrides(NamedTuple):
    """Overrides sorted by what they change, and their text in tables."""

    method: dict[str, Any]
    downstream: dict[str, Any]
    preset: dict[str, Any]
    method_text: str
    protocol_text: str


def parse(items: Sequence[str]) -> Overrides:
    """Sort `method.a.b=v`, `downstream.a=v` or `downstream.vit.a=v`, and `a=v` (the preset's own keys) into trees.

    Values are YAML scalars or lists; their types are checked against the configuration model later.

    Raises:
        ConfigError: an item is not of the form key=value.
    """
    trees: dict[str, dict[str, Any]] = {"method": {}, "downstream": {}, "preset": {}}
    texts: dict[str, list[str]] = {"method": [], "downstream": [], "preset": []}
    for item in items:
        key, separator, text = item.partition("=")
        path = key.strip().split(".")
        if not separator or not all(path):
            raise ConfigError(
                "--set does not have the form key=value", got=item, fix="for example --set method.guidance_scale=2.0"
            )
        scope = path.pop(0) if path[0] in {"method", "downstream"} else "preset"
        if not path:
            raise ConfigError(
                f"--set {scope} does not name a key below {scope!r}",
                got=item,
                fix=f"for example --set {scope}.name=value",
            )
        tree: Any = _value(item, text)
        for part in reversed(path):
            tree = {part: tree}
        trees[scope] = merge(trees[scope], tree)
        texts[scope].append(f"{'.'.join(path)}={_shown(text.strip())}")
    protocol = [f"downstream.{t}" for t in sorted(texts["downstream"])] + sorted(texts["preset"])
    return Overrides(
        trees["method"], trees["downstream"], trees["preset"], " ".join(sorted(texts["method"])), " ".join(protocol)
    )


def placeless(items: Sequence[str]) -> list[str]:
    """Return overrides for a document: files are named by name and hash instead of path.

    >>> placeless(["downstream.vit.batch=16"])
    ['downstream.vit.batch=16']
    """
    parts = (item.partition("=") for item in items)
    return [f"{key}{separator}{_shown(text.strip())}" for key, separator, text in parts]


def _shown(text: str) -> str:
    """Return a value as tables show it: the last part of a path, with the hash of a file, as on any other machine."""
    if os.sep not in text or impossible(text):
        return text
    path = Path(text).expanduser()
    if not path.exists():
        return text
    return f"{path.name}@{digest_file(path)[:8]}" if path.is_file() else path.name


def _value(item: str, text: str) -> Any:
    try:
        return load_yaml(text)
    except yaml.YAMLError as error:
        fix = "give a number, a word, or a list such as [1, 2]"
        raise ConfigError("--set has a value that is not valid YAML", got=item, fix=fix) from error
