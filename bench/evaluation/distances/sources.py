"""Stage *sources*: the training patches that a set's images derive from, as recorded and as found by a search."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from bench.contract import Dataset
from bench.digest import write_json
from bench.engine.context import Run
from bench.engine.session import Session
from bench.engine.step import Step
from bench.evaluation.distances.features import SourcePatches
from bench.evaluation.tiles import TileImages, chosen_tiles
from bench.synthetic import SyntheticRecord, SyntheticSet

RESULT = "windows.json"
MOST_IMAGES = 1000
"""Images of a set that are searched for; of a larger set, a random choice."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FindSources(Step):
    """Search the training tiles for the images of a set; `trusted` leaves out those that record where they are from."""

    stage: ClassVar[str] = "sources"

    made: SyntheticSet
    train: Dataset
    trusted: bool

    @property
    def config(self) -> dict[str, Any]:
        """Which images are searched for, and how many."""
        return {"trusted": self.trusted, "images": MOST_IMAGES}

    @property
    def inputs(self) -> dict[str, str]:
        """Digests of the set and of the training split."""
        records = self.made.manifest.get("metadata_sha256")
        inputs = {"set": self.made.digest, "train": self.train.digest}
        return inputs if records is None else inputs | {"records": records}

    def run(self, folder: Path, context: Run) -> None:
        """Write the windows that show the same tissue as an image."""
        from metrics.window_search import SAME, find_windows

        searched = [i for i, line in enumerate(self.made.metadata) if not (self.trusted and _window(line))]
        searched = sorted(context.rng("images").permutation(searched)[:MOST_IMAGES])
        size = self.made.records[0].height
        images = [self.made.image(int(index)) for index in searched]
        tiles = chosen_tiles(self.train, context, "train")
        ids, records = self.train.ids, self.train.records
        windows = []
        for match in find_windows(images, TileImages(self.train, tiles), device=context.device):
            if match is not None and match.score >= SAME:
                record = records[tiles[match.tile]]
                y, x = np.clip((match.y, match.x), 0, (record.height - size, record.width - size)).tolist()
                # the symmetry that turns the window as the image is; reflections are their own inverses
                symmetry = match.symmetry if match.symmetry >= 4 else -match.symmetry % 4
                windows.append((ids[tiles[match.tile]], y, x, symmetry))
        write_json(folder / RESULT, sorted(set(windows)))


async def source_patches(
    session: Session, made: SyntheticSet, train: Dataset, *, trusted: bool
) -> SourcePatches | None:
    """Return the training patches that a set's images derive from or show; None if there are none.

    Args:
        session: does the search.
        made: the set.
        train: the training split.
        trusted: whether the set was made here, so that the places which it records are true and complete.
    """
    windows = {(*window, 0) for line in made.metadata if (window := _window(line)) is not None}
    if not trusted or any(_window(line) is None for line in made.metadata):
        title = f"training patches in {len(made)} images"
        step = FindSources(place=session.torch, title=title, made=made, train=train, trusted=trusted)
        found = json.loads(((await session.do(step)).path / RESULT).read_text(encoding="utf-8"))
        windows |= {(source, y, x, symmetry) for source, y, x, symmetry in found}
    return SourcePatches(train, tuple(sorted(windows)), made.records[0].height) if windows else None


def _window(line: SyntheticRecord) -> tuple[str, int, int] | None:
    return (line.tile, *line.crop) if line.tile and line.crop is not None else None
