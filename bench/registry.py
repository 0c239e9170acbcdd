"""Plugins by entry point: methods, datasets, downstream networks, encoders, all found the same way."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from bench.errors import ConfigError
from bench.extras import absent

GROUPS = ("methods", "datasets", "downstream", "encoders")


@cache
def _points(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"bench.{group}")}


def names(group: str) -> tuple[str, ...]:
    """List the ids registered in a group, sorted."""
    return tuple(sorted(_points(group)))


def point(group: str, name: str) -> EntryPoint:
    """Return the entry point of an id.

    Raises:
        ConfigError: no such id; the nearest one is suggested.
    """
    points = _points(group)
    if name not in points:
        raise unknown(_SINGULAR[group], name, points)
    return points[name]


def load(group: str, name: str) -> Any:
    """Import and return what an id is registered for.

    Raises:
        ConfigError: no such id, or its module cannot be imported.
        MissingError: it needs an extra that is not installed.
    """
    found = point(group, name)
    try:
        return found.load()
    except (ImportError, AttributeError) as error:
        raise absent(error) or ConfigError(
            f"expected {_SINGULAR[group]} {name!r} to load from {found.value}",
            got=f"{type(error).__name__}: {error}",
            fix="install what it needs, or mend the plugin's entry point",
        ) from error


def unknown(kind: str, name: str, choices: Iterable[str]) -> ConfigError:
    """Build the error for an id or key that is none of `choices`, with the nearest one suggested."""
    options = sorted(choices)
    near = difflib.get_close_matches(name, options, n=1, cutoff=0.5)
    listing = ", ".join(options)
    fix = f"did you mean {near[0]!r}? (known: {listing})" if near else f"use one of: {listing}"
    return ConfigError(f"expected a known {kind}", got=repr(name), fix=fix)


_SINGULAR = {"methods": "method", "datasets": "dataset", "downstream": "downstream network", "encoders": "encoder"}
