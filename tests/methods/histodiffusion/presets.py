"""Small settings for tests."""

from __future__ import annotations

from typing import Any

from bench.config.files import card, merge

TINY: dict[str, Any] = dict(merge(card("methods", "histodiffusion")["presets"]["tiny"], {"patch_size": 32}))


def tiny(**changes: Any) -> dict[str, Any]:
    """Return the preset `tiny` with some settings changed."""
    return dict(merge(TINY, changes))
