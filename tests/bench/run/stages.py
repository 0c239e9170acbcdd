"""Which steps a store holds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path


def stages(store: Path) -> Counter[str]:
    """Return how many finished steps of each stage a store holds."""
    folders = (path for path in (store / "jobs").glob("*/*") if path.suffix != ".partial")
    return Counter(folder.parent.name for folder in folders)
