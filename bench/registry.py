"""Plugins by entry point: methods, datasets, networks, encoders and executors are all found in the same way."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from bench.contract import Downstream, MethodBase
from bench.errors import ConfigError
from bench.extras import absent
from bench.sibling_packages import SIBLINGS, check_sibling

GROUPS = ("methods", "datasets", "downstream", "encoders", "evaluations", "executors")


@cache
def _points(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"bench.{group}")}


def names(group: str) -> tuple[str, ...]:
    """List the ids registered in a group, sorted."""
    return tuple(sorted(_points(group)))


def point(group: str, name: str) -> EntryPoint:
    """Return the entry point of an id.

    Raises:
        ConfigError: there is no such id; the nearest one is suggested.
    """
    points = _points(group)
    if name not in points:
        raise unknown(_SINGULAR[group], name, points)
    return points[name]


def distribution(group: str, name: str) -> str:
    """Return the name of the distribution that registers an id; empty if it is not known."""
    found = _points(group).get(name)
    return "" if found is None or found.dist is None else found.dist.name


def load(group: str, name: str, base: type | None = None) -> Any:
    """Import and return what an id is registered for.

    Args:
        group: the group of entry points, without `bench.`.
        name: the id.
        base: the class that it must derive from, for a group whose base class this module cannot import.

    Raises:
        ConfigError: there is no such id, its module cannot be imported, or it does not derive from the base class of
            its group.
        BenchError: another package of the same name would be imported instead of ours.
        MissingError: it needs an extra that is not installed.
    """
    found = point(group, name)
    package = found.module.partition(".")[0]
    if package in SIBLINGS:
        check_sibling(package)
    try:
        value = found.load()
    except (ImportError, AttributeError) as error:
        raise absent(error) or ConfigError(
            f"Cannot load the {_SINGULAR[group]} {name!r} from {found.value}",
            got=f"{type(error).__name__}: {error}",
            fix="install what it needs, or correct the plugin's entry point",
        ) from error
    base = base or _base(group)
    if base is not None and not (isinstance(value, type) and issubclass(value, base)):
        raise ConfigError(
            f"The {_SINGULAR[group]} {name!r} does not derive from `{base.__module__}.{base.__name__}`",
            got=f"{found.value}, {'a class without it' if isinstance(value, type) else type(value).__name__}",
            fix="derive its class from this base class, which declares everything that the harness calls",
        )
    return value


def _base(group: str) -> type | None:
    """Return the class that every plugin of a group must derive from; None if the group has none."""
    if group == "methods":
        return MethodBase
    if group == "downstream":
        return Downstream
    if group == "encoders":
        check_sibling("metrics")
        from metrics.encoders.base import Encoder

        return Encoder
    return None


def unknown(kind: str, name: str, choices: Iterable[str]) -> ConfigError:
    """Return the error for an id or key that is not one of `choices`; it suggests the nearest one."""
    options = sorted(choices)
    near = difflib.get_close_matches(name, options, n=1, cutoff=0.5)
    listing = ", ".join(options)
    fix = f"did you mean {near[0]!r}? (known: {listing})" if near else f"use one of: {listing}"
    return ConfigError(f"There is no {kind} of this name", got=repr(name), fix=fix)


_SINGULAR = {
    "methods": "method",
    "datasets": "dataset",
    "downstream": "downstream network",
    "encoders": "encoder",
    "evaluations": "evaluation",
    "executors": "executor",
}
