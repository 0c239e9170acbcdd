"""Stage *fidelity*: how far a synthetic set lies from real patches, whether it fills their space, whether it copies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from bench.config import Preset
from bench.contract import Dataset
from bench.digest import write_json
from bench.engine.context import Run
from bench.engine.job import Finished
from bench.engine.session import Session
from bench.evaluation.distances.features import (
    Colours,
    Extractor,
    Features,
    Images,
    embed,
    real_images,
    source_images,
    synthetic_images,
)
from bench.evaluation.distances.numbers import (
    FLOOR_SPLITS,
    NEIGHBOURS,
    Scores,
    colour_scores,
    feature_scores,
    floor_of,
    memory_floor,
    memory_scores,
    plain,
    together,
)
from bench.evaluation.evidence import Distances
from bench.plan.encoders import EncoderHandle
from bench.synthetic import SyntheticSet

# Real patches embedded for each synthetic one: both halves of a floor need as many as the set has.
POOL = 3
RESULT = "fidelity.json"


class Fidelity:
    """Compares one synthetic set with as many real patches of the training and of the test split.

    One job an encoder and split, and one a split for colour alone. Images are read once for all encoders that have
    not seen them yet, and only if a job is not finished.
    """

    def __init__(
        self,
        session: Session,
        handles: Sequence[EncoderHandle],
        data: Mapping[str, Dataset],
        synthetic: SyntheticSet,
        preset: Preset,
    ) -> None:
        """Prepare to compare; nothing is read yet."""
        self._session, self._handles, self._data, self._preset = session, handles, data, preset
        self._synthetic = synthetic
        self._n = min(len(synthetic), preset.reference_samples)
        self._pools: dict[str, dict[str, Features]] = {}

    def jobs(self, seed: int, title: str) -> list[Distances]:
        """Do what is not done yet: every encoder, then colour, against each split."""
        done = []
        for split in ("train", "test"):
            for handle in self._handles:
                score = self._with_memory if split == "train" else self._plain
                finished = self._job(handle, split, title, score, split == "train")
                done.append(Distances(seed, split, handle.metric_name, handle.identity, finished))
            colours = Colours()
            finished = self._job(colours, split, title, self._colour, False)
            done.append(Distances(seed, split, "", colours.identity, finished))
        return done

    def _job(
        self,
        extractor: Extractor,
        split: str,
        title: str,
        score: Callable[[str, str, Run], tuple[Scores, Scores | None]],
        three_sets: bool,
    ) -> Finished:
        config = {"encoder": extractor.identity, "n": self._n, "patch": self._preset.patch, "pool": POOL}
        config |= {"floor_splits": FLOOR_SPLITS, "neighbours": NEIGHBOURS}
        inputs = {"real": self._data[split].digest, "synthetic": self._synthetic.digest}
        if three_sets:
            config |= {"sources": None if self._sources is None else dict(self._sources.config)}
            inputs |= {"test": self._data["test"].digest}
        job = self._session.torch("fidelity", config, inputs, f"{title}, {extractor.name}, against {split}")

        def work(folder: Path, run: Run) -> None:
            scores, floor = score(extractor.name, split, run)
            write_json(folder / RESULT, {"n": self._n, "scores": plain(scores), "floor": plain(floor)})

        return self._session.do(job, work)

    def _plain(self, name: str, split: str, run: Run) -> tuple[Scores, Scores | None]:
        pool = self._real(split)[name]
        scores = feature_scores(self._chosen(pool, "real", run), self._chosen(self._made[name], "synthetic", run))
        floor = floor_of(pool, self._n, run, lambda a, b: feature_scores(a, b, with_error=False))
        return scores, floor

    def _with_memory(self, name: str, split: str, run: Run) -> tuple[Scores, Scores | None]:
        """Ask beside it whether training patches were copied; the test split is what was never seen."""
        scores, floor = self._plain(name, split, run)
        behind = [self._behind[name]] if name in self._behind else []
        train, test = together([self._real(split)[name], *behind]), self._real("test")[name]
        made = self._chosen(self._made[name], "synthetic", run)
        fresh = memory_floor(train, test, self._n, run)
        both = None if floor is None and fresh is None else (floor or {}) | (fresh or {})
        return scores | memory_scores(train, made, test), both

    def _colour(self, name: str, split: str, run: Run) -> tuple[Scores, Scores | None]:
        pool = self._real(split)[name]
        scores = colour_scores(self._chosen(pool, "real", run), self._chosen(self._made[name], "synthetic", run))
        return scores, floor_of(pool, self._n, run, colour_scores)

    def _chosen(self, features: Features, which: str, run: Run) -> Features:
        """Draw as many images as are compared."""
        return features.take(np.sort(run.rng(which).permutation(len(features.values))[: self._n]))

    @property
    def _extractors(self) -> tuple[Extractor, ...]:
        return (*self._handles, Colours())

    @cached_property
    def _made(self) -> dict[str, Features]:
        return embed(self._session, self._extractors, synthetic_images(self._synthetic))

    @cached_property
    def _behind(self) -> dict[str, Features]:
        """Features of the training patches that the set derives from: what a copy would be a copy of."""
        return {} if self._sources is None else embed(self._session, self._handles, self._sources)

    @cached_property
    def _sources(self) -> Images | None:
        return source_images(self._synthetic, self._data["train"])

    def _real(self, split: str) -> dict[str, Features]:
        if split not in self._pools:
            images = real_images(self._data[split], POOL * self._n, self._preset.patch)
            self._pools[split] = embed(self._session, self._extractors, images)
        return self._pools[split]
