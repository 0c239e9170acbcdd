"""Stage *select*: sets chosen from a pool by the predictions of the real-only classifier.

The pool is drawn once for all arms of a method. If too few images of some classes are acceptable, another pool of the
same size is drawn of these classes only, up to a limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from bench.contract import Dataset, Selection
from bench.engine.context import Run, derive_seed
from bench.engine.session import Session
from bench.engine.step import Finished, Step
from bench.plan.arms import Arm
from bench.plugin_version import version_of
from bench.stages.chosen import seal_chosen
from bench.stages.judge import Judge, Seen, see
from bench.stages.predict import DatasetPictures, SetPictures
from bench.stages.synthesize import Made, synthesize
from bench.synthetic import SyntheticSet

# A pool has this many images for each image of the largest arm; at most this many pools are drawn.
FACTOR = 1.5
POOLS = 4


class Choice(NamedTuple):
    """The set of one arm; None, with the reason, if even the last pool left too few acceptable images."""

    made: Made | None
    reason: str = ""


class Pool(NamedTuple):
    """A set to choose from, with the judge's features and probabilities."""

    set: SyntheticSet
    seen: Seen


@dataclass(frozen=True)
class Chosen:
    """Indices of the chosen images in the concatenated pools, and how many of each class were acceptable."""

    indices: Sequence[int]
    acceptance: float
    accepted: Sequence[int]
    candidates: Sequence[int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Select(Step):
    """Seal the chosen images as a set."""

    stage: ClassVar[str] = "select"

    arm: Arm
    selection: Selection
    train: Dataset
    pools: Sequence[Pool]
    real: Finished
    chosen: Chosen
    quota: Sequence[int]

    @property
    def config(self) -> dict[str, Any]:
        """How images were chosen, and how many of each class."""
        return {"selection": self.selection.model_dump(mode="json"), "quota": list(self.quota)}

    @property
    def inputs(self) -> dict[str, str]:
        """Digest of the training split, and keys of the judge's output for it and for the pools."""
        inputs = {"train": self.train.digest, "judged:real": self.real.key}
        return inputs | {f"pool:{number}": pool.seen.finished.key for number, pool in enumerate(self.pools)}

    @property
    def versions(self) -> dict[str, int]:
        """Version of the method, which chooses the images."""
        return {"method": version_of(self.arm.method)}

    def run(self, folder: Path, context: Run) -> None:
        """Copy the chosen images."""
        pools, chosen = [pool.set for pool in self.pools], self.chosen.indices
        manifest = {"variant": self.arm.variant, "seed": context.seed, **self.config, **self._acceptance()}
        seal_chosen(pools, chosen, range(len(chosen)), self.train, manifest, folder, context)

    def _acceptance(self) -> dict[str, Any]:
        """Return the share of the pools that was acceptable, and the counts by class."""
        names = self.train.info.labels
        return {
            "acceptance": self.chosen.acceptance,
            "accepted": dict(zip(names, self.chosen.accepted, strict=True)),
            "candidates": dict(zip(names, self.chosen.candidates, strict=True)),
        }


async def choose_set(
    session: Session,
    arm: Arm,
    data: Mapping[str, Dataset],
    fitted: Mapping[str, Finished],
    seed: int,
    judge: Judge,
) -> Choice:
    """Return one arm's set, chosen from as few pools as are needed."""
    assert arm.selection is not None
    train, names = data["train"], data["train"].info.labels
    quota = even_quota(len(train), arm.ratio, len(names))
    largest = max(selection.ratio for selection in arm.method.selections)
    most = even_quota(len(train), largest, len(names))
    n_pool = int(np.ceil(FACTOR * most.sum()))
    real = await see(session, judge, DatasetPictures("images", train), f"{len(train)} real images")
    pools: list[Pool] = []
    labels: list[int] | None = None
    for number in range(POOLS):
        of_pool = derive_seed(seed, "pool", number) if number else seed
        title = f"pool {number + 1}, seed {seed}"
        made = await synthesize(session, arm, data, fitted, n_pool, of_pool, title, labels)
        named = f"{made.set.manifest['method']}, {title}"
        pools.append(Pool(made.set, await see(session, judge, SetPictures("images", made.set), named)))
        chosen, counts = _choose(arm, train, real, pools, quota, seed)
        if (counts >= quota).all():
            step = Select(
                place=session.numeric,
                seed=seed,
                title=f"{arm.title}, {len(chosen.indices)} images, seed {seed}",
                arm=arm,
                selection=arm.selection,
                train=train,
                pools=tuple(pools),
                real=real.finished,
                chosen=chosen,
                quota=quota.tolist(),
            )
            finished = await session.do(step)
            return Choice(Made(finished, SyntheticSet(finished.path)))
        # the classes that the largest arm lacks, so that all arms of a rule draw the same pools
        labels = np.flatnonzero(np.array(chosen.accepted) < most).tolist()
    short = [f"{names[index]} {counts[index]} of {quota[index]}" for index in np.flatnonzero(counts < quota)]
    return Choice(
        None,
        f"too few images look like their class after {POOLS} pools of {n_pool}: {', '.join(short)}; "
        f"{chosen.acceptance:.0%} were acceptable",
    )


def even_quota(n_real: int, ratio: float, n_classes: int) -> np.ndarray:
    """Return how many images of each class an arm needs: `ratio` times the real ones, even over classes, at least 1."""
    total = max(round(ratio * n_real), n_classes)
    share = np.full(n_classes, total // n_classes, dtype=np.int64)
    share[: total % n_classes] += 1
    return share


def _choose(
    arm: Arm, train: Dataset, real: Seen, pools: Sequence[Pool], quota: np.ndarray, seed: int
) -> tuple[Chosen, np.ndarray]:
    """Return what a method chooses from pools, and the number of chosen images of each class."""
    assert arm.selection is not None
    labels = np.array([record.label for record in train.records])
    target = np.array([record.label for pool in pools for record in pool.set.records])
    scores = np.concatenate([pool.seen.scores for pool in pools])
    seen = arm.method.candidates(
        real=real.features,
        labels=labels,
        pool=np.concatenate([pool.seen.features for pool in pools]),
        target=target,
        confidence=scores[np.arange(len(target)), target],
    )
    rng = np.random.default_rng(derive_seed(seed, "select", arm.selection.title))
    found = arm.method.choose(arm.selection, seen, quota, rng)
    chosen = Chosen(found.indices.tolist(), float(found.acceptance), found.accepted.tolist(), found.candidates.tolist())
    return chosen, np.bincount(target[found.indices], minlength=len(quota))
