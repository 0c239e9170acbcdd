"""YAML files of configuration: cards of methods and networks, presets."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import yaml

from bench.config.lines import words
from bench.config.yaml_text import MOST_CHARACTERS, TwiceError, load_yaml
from bench.errors import ConfigError
from bench.registry import point
from bench.sibling_packages import HOME, SIBLINGS

_FIX = "give a card, preset, suite or profile as text in UTF-8, like those in `configs`"


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises:
        ConfigError: the file cannot be read or does not hold a mapping.
    """
    try:
        if path.stat().st_size > 4 * MOST_CHARACTERS:  # bytes of the longest characters
            raise yaml.YAMLError(f"{path.stat().st_size:,} bytes; at most {MOST_CHARACTERS:,} characters are read")
        value = load_yaml(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        place = "" if error.problem_mark is None else f"{words(error.problem_mark)}: "
        context = f" ({error.context})" if error.context else ""
        fix = "correct this line or the one above: indentation, a missing quote, bracket or space after a colon"
        raise ConfigError(
            f"Cannot read {path} as YAML",
            got=f"{place}{error.problem or 'no YAML'}{context}",
            fix="keep one of the two lines" if isinstance(error, TwiceError) else fix,
        ) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"Cannot read {path} as YAML", got=_first(error), fix=_FIX) from error
    if not isinstance(value, dict):
        got = "an empty file" if value is None else f"a {type(value).__name__}: {str(value)[:80]!r}"
        raise ConfigError(f"{path} does not hold a mapping of keys to values", got=got, fix=_FIX)
    if odd := [key for key in value if not isinstance(key, str)]:
        got, fix = f"{str(odd[0])[:80]!r} ({type(odd[0]).__name__})", "write names as keys, in quotes if need be"
        raise ConfigError(f"A key of {path} is not a text", got=got, fix=fix)
    return value


def _first(error: Exception) -> str:
    """Return the first line of what an error says; never nothing."""
    return (str(error).splitlines() or [""])[0] or type(error).__name__


def folder() -> Path:
    """Return the folder of our own configuration, `configs` next to the package `bench`.

    It is found by its path, because an import could find another folder of the same name.
    """
    return HOME / "configs"


def card_path(group: str, name: str) -> Path | None:
    """Return the card `<configs>/<group>/<name>.yaml` of a plugin, or None if there is none."""
    paths = (configs / group / f"{name}.yaml" for configs in plugin_folders(group, name))
    return next((path for path in paths if path.exists()), None)


def plugin_folders(group: str, name: str) -> tuple[Path, Path]:
    """Return the folders of a plugin's cards: `configs` next to its top-level package, and `configs` inside it.

    The same rule holds for our plugins and for those of third parties.
    """
    package = _package_folder(point(group, name))
    return package.parent / "configs", package / "configs"


def card(group: str, name: str) -> dict[str, Any]:
    """Return a plugin's card, merged over the card that it `extends`; empty if there is none."""
    path = card_path(group, name)
    if path is None:
        return {}
    own = read_yaml(path)
    base = own.pop("extends", None)
    if base is None:
        return own
    return merge({"presets": card(group, base).get("presets", {})}, own)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return two trees of settings merged key by key; values of `over` win."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def _package_folder(point: EntryPoint) -> Path:
    """Return the folder of the top-level package that an entry point names.

    Our packages are next to `bench`. The package of a third party is where its distribution says, so a folder in the
    working directory cannot shadow it. An editable installation does not say: an import finds its package.
    """
    package = point.module.partition(".")[0]
    if package in ("bench", *SIBLINGS):
        return HOME / package
    installed = None if point.dist is None else Path(str(point.dist.locate_file(package)))
    if installed is not None and installed.is_dir():
        return installed
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(f"The package {package!r} is not installed", got="no package of this name")
    return Path(next(iter(spec.submodule_search_locations)))
