"""A small sealed set, and edits of its files as text and as values."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.contract import Condition
from bench.synthetic import MANIFEST, METADATA, SyntheticSetWriter
from tests import toy

DATA = toy.NucleiDataset(n_tiles=3, size=48)
GROUPS = dict(zip(DATA.ids, DATA.groups, strict=True))


def write_set(folder: Path, use: str = "training") -> str:
    """Seal three samples, of which the last has no labels; return the digest."""
    writer = SyntheticSetWriter(folder, DATA.info, GROUPS)
    for index in range(3):
        sample = DATA[index]
        labels = {} if index == 2 else {"instances": sample.instances, "types": sample.types}
        sources = {"train" if use == "training" else "test": sample.id}
        told = {
            "caption": "a caption",
            "tissue": "colon",
            "sources": sources,
            "crop": (0, 0),
            "recipe": {"donors": [1]},
        }
        writer.write(index, Condition(id=f"s{index}", kind="copy", seed=index, **labels, **told), sample.image)
    about = {"method": "copy", "method_version": 1, "dataset": "toy", "dataset_digest": "d", "variant": "", "parts": {}}
    return writer.seal(3, {**about, "config": {"ratio": 1.0}, "seed": 0, "use": use, "cost": {"seconds": 1.5}})


def in_manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """Return an edit that changes the values of the manifest, and writes them as the harness does."""

    def edit(folder: Path) -> None:
        content = json.loads((folder / MANIFEST).read_text())
        change(content)
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        (folder / MANIFEST).write_text(text)

    return edit


def in_line(change: Callable[[dict[str, Any]], object], number: int = 0) -> Callable[[Path], None]:
    """Return an edit that changes the values of a line of metadata."""

    def edit(folder: Path) -> None:
        lines = (folder / METADATA).read_text().splitlines()
        content = json.loads(lines[number])
        change(content)
        lines[number] = json.dumps(content, ensure_ascii=False)
        (folder / METADATA).write_text("".join(line + "\n" for line in lines))

    return edit


def in_text(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Return an edit that changes the bytes of a file."""

    def edit(folder: Path) -> None:
        content = (folder / name).read_bytes()
        changed = change(content)
        assert changed != content
        (folder / name).write_bytes(changed)

    return edit
