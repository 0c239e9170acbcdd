"""Completion of nested settings from defaults, for the profiles of methods."""

from __future__ import annotations

from typing import Any


def under(values: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Return `values`, completed from `defaults` at every depth.

    >>> under({"a": {"x": 1}}, {"a": {"x": 2, "y": 3}, "b": 4})
    {'a': {'x': 1, 'y': 3}, 'b': 4}
    """
    merged = dict(values)
    for name, default in defaults.items():
        if name not in merged:
            merged[name] = default
        elif isinstance(default, dict) and isinstance(merged[name], dict):
            merged[name] = under(merged[name], default)
    return merged
