"""Stage *leakage*: a search for test images in a set, and the nearness of the set to test slides."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import UInt8

from bench.contract import Dataset, Sample
from bench.datasets.prepared.resample import fit_square, resample
from bench.digest import digest_arrays, write_json
from bench.engine.context import Run
from bench.engine.step import Finished, Step
from bench.evaluation.distances.features import read_features
from bench.evaluation.tiles import MOST_TILES, TileImages, chosen_tiles
from bench.formats.parallel import ordered_map
from bench.results.leaks import ALPHA
from bench.synthetic import SyntheticSet
from bench.track import track_of

RESULT = "leakage.json"
MOST_IMAGES = 1000
"""Different images of a set that are searched for; of a larger set, a random choice."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Look(Step):
    """Search the tiles of the test split for the images of a set, as they were before they were cut to patches.

    `ids` are those of the set's images that an arm is trained on; `native` are the images, at any resolution; `size` is
    the side of the square that images are fitted into as a whole, None where they keep their resolution.
    """

    stage: ClassVar[str] = "leakage"

    native: SyntheticSet
    ids: frozenset[str]
    synthetic: str
    train: Dataset
    test: Dataset
    size: int | None
    measured: dict[str, int]

    @property
    def config(self) -> dict[str, Any]:
        """How many images and tiles are compared, at which size."""
        size = {"mpp": self.train.info.mpp} if self.size is None else {"square": self.size}
        return {"images": MOST_IMAGES, "tiles": MOST_TILES, **size}

    @property
    def inputs(self) -> dict[str, str]:
        """Digests of the set before and after it was adapted, and of both splits."""
        sets = {"set": self.synthetic, "native": self.native.digest}
        return {**sets, "train": self.train.digest, "test": self.test.digest}

    @property
    def versions(self) -> dict[str, int]:
        """Versions of the evaluation and of the metric."""
        return self.measured

    def run(self, folder: Path, context: Run) -> None:
        """Write the images that show test tiles and no training tiles."""
        from metrics.copies import are_copies, copied_share
        from metrics.window_search import SAME, find_windows, searchable

        names, images, n_different = self._different(context)
        tiles = {
            split: chosen_tiles(data, context, split) for split, data in (("test", self.test), ("train", self.train))
        }
        in_test = find_windows(images, TileImages(self.test, tiles["test"]), device=context.device)
        scores = np.array([-1.0 if match is None else match.score for match in in_test])
        like_test = [int(index) for index in np.flatnonzero(scores >= SAME)]
        behind = find_windows(
            [images[i] for i in like_test], TileImages(self.train, tiles["train"]), device=context.device
        )
        in_train = np.full(len(images), -1.0)
        in_train[like_test] = [-1.0 if match is None else match.score for match in behind]
        ids = self.test.ids
        found = []
        for index in np.flatnonzero(are_copies(scores, in_train)):
            match = in_test[index]
            assert match is not None
            tile = ids[tiles["test"][match.tile]]
            place = {"y": match.y, "x": match.x, "symmetry": match.symmetry, "score": round(match.score, 4)}
            found.append({"image": names[index], "tile": tile, **place})
        able = np.array([searchable(image) for image in images], bool)
        result = {
            "copies": found,
            "share": copied_share(scores[able], in_train[able]) if able.any() else None,
            "n": int(able.sum()),
            "n_skipped": int((~able).sum()),
            "n_different": n_different,
            "tiles": [len(tiles["test"]), len(self.test)],
        }
        write_json(folder / RESULT, result)

    def _different(self, context: Run) -> tuple[list[str], list[np.ndarray], int]:
        """Return ids and images of the different images that are searched for, and the number of different images."""
        places = [index for index, name in enumerate(self.native.ids) if name in self.ids]
        seen: dict[str, int] = {}
        read = ordered_map(self.native.image, places, context.threads)
        for place, image in zip(places, read, strict=True):
            seen.setdefault(digest_arrays(image), place)
        first = np.array(list(seen.values()), np.int64)
        chosen = np.sort(context.rng("images").permutation(first)[:MOST_IMAGES])
        names = self.native.ids
        return [names[i] for i in chosen], [self._fitted(int(i)) for i in chosen], len(first)

    def _fitted(self, index: int) -> UInt8[np.ndarray, "h w 3"]:
        sample = Sample(self.native.ids[index], self.native.image(index), "", self.native.info.mpp)
        if self.size is not None:
            return fit_square(sample, self.size).image
        return resample(sample, self.train.info.mpp).image


@dataclass(frozen=True, kw_only=True, eq=False)
class Near(Step):
    """Compare the nearness of a set to test slides with that to training slides, in the features of an encoder."""

    stage: ClassVar[str] = "nearness"

    encoder: str
    made: Finished
    train: Finished
    test: Finished
    measured: dict[str, int]

    @property
    def config(self) -> dict[str, Any]:
        """The encoder."""
        return {"encoder": self.encoder}

    @property
    def inputs(self) -> dict[str, str]:
        """Keys of the features."""
        return {"synthetic": self.made.key, "train": self.train.key, "test": self.test.key}

    @property
    def versions(self) -> dict[str, int]:
        """Versions of the evaluation and of the metric."""
        return self.measured

    def run(self, folder: Path, context: Run) -> None:
        """Write the nearness; nothing for too few slides."""
        from metrics.copies import nearness_to_test

        made, train, test = (read_features(one.path) for one in (self.made, self.train, self.test))
        rng = context.rng("nearness")
        found = nearness_to_test(made.values, train.values, test.values, train.groups, test.groups, rng, alpha=ALPHA)
        write_json(folder / RESULT, {} if found is None else found._asdict())


def read_found(finished: Finished) -> dict[str, Any]:
    """Return what a step found about one set."""
    found: dict[str, Any] = json.loads((finished.path / RESULT).read_text(encoding="utf-8"))
    return found


def whole_side(train: Dataset, patch: int) -> int | None:
    """Return the side of the square that images of a dataset are fitted into as a whole; None if they are not."""
    return patch if track_of(train.info).whole else None
