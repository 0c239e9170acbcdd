"""YAML files of configuration: cards of methods and networks, presets."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import yaml

from bench.errors import ConfigError
from bench.registry import point
from bench.sibling_packages import HOME, SIBLINGS


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises:
        ConfigError: the file is unreadable or holds something else.
    """
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"expected readable YAML in {path}", got=str(error).splitlines()[0]) from error
    if not isinstance(value, dict):
        raise ConfigError(f"expected a mapping in {path}", got=type(value).__name__)
    return value


def folder() -> Path:
    """Return the folder of our own configuration, `configs` beside the package `bench`.

    It is found by its path: an import could find a folder of the user's that bears the same name.
    """
    return HOME / "configs"


def card_path(group: str, name: str) -> Path | None:
    """Return the card `<configs>/<group>/<name>.yaml` of a plugin, or None where it ships none."""
    paths = (configs / group / f"{name}.yaml" for configs in plugin_folders(group, name))
    return next((path for path in paths if path.exists()), None)


def plugin_folders(group: str, name: str) -> tuple[Path, Path]:
    """Return where a plugin may keep its cards: the folder `configs` beside its top-level package, or inside it.

    The same rule for ours as for a third party's.
    """
    package = _package_folder(point(group, name))
    return package.parent / "configs", package / "configs"


def card(group: str, name: str) -> dict[str, Any]:
    """Return a plugin's card, with what it `extends` merged in below it; empty where it ships none."""
    path = card_path(group, name)
    if path is None:
        return {}
    own = read_yaml(path)
    base = own.pop("extends", None)
    if base is None:
        return own
    return merge({"presets": card(group, base).get("presets", {})}, own)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two trees of settings; what `over` says wins, mappings are merged key by key."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def _package_folder(point: EntryPoint) -> Path:
    """Return the folder of the top-level package that an entry point names.

    Ours lie beside `bench`; a third party's where its distribution says, which a folder in the working directory cannot
    shadow. An editable installation says nothing of that: its package is where an import finds it.
    """
    package = point.module.partition(".")[0]
    if package in ("bench", *SIBLINGS):
        return HOME / package
    installed = None if point.dist is None else Path(str(point.dist.locate_file(package)))
    if installed is not None and installed.is_dir():
        return installed
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(f"expected the package {package!r} to be installed", got="no such package")
    return Path(next(iter(spec.submodule_search_locations)))
