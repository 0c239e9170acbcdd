"""Stage *select*: sets chosen from a pool by what the real-only classifier sees in it.

The pool is drawn once for all arms of a method. Where too few of some classes are acceptable, another of as many images
is drawn of those alone, up to a limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from bench.config import Preset
from bench.contract import Dataset
from bench.engine.context import Run, derive_seed
from bench.engine.job import Finished
from bench.engine.session import Session
from bench.errors import JobError
from bench.evaluation.evidence import Judge
from bench.formats.parallel import ordered_map
from bench.plan.arms import Arm
from bench.stages.synthesize import synthesize_pool
from bench.synthetic import TRAINING, SyntheticSet, SyntheticSetWriter

# A pool holds this many images for each one that the largest arm asks for; so many pools are drawn at most.
FACTOR = 1.5
POOLS = 4
FEATURES, SCORES = "features.npy", "scores.npy"


@dataclass(frozen=True)
class Choice:
    """The set of one arm; None, and why, where even the largest pool held too few acceptable images."""

    finished: Finished | None
    made: SyntheticSet | None
    reason: str = ""


def expand(arm: Arm) -> list[Arm]:
    """Return the arms of a method whose sets are chosen from a pool: one a selection; the arm itself for any other."""
    selections = getattr(arm.method, "selections", ())
    if not selections:
        return [arm]
    titles = [" ".join(filter(None, [arm.variant, selection.title])) for selection in selections]
    return [replace(arm, variant=title, selection=one) for title, one in zip(titles, selections, strict=True)]


def choose_set(
    session: Session,
    arm: Arm,
    data: Mapping[str, Dataset],
    fitted: Mapping[str, Finished],
    preset: Preset,
    seed: int,
    judge: Judge,
) -> Choice:
    """Choose one arm's set from as few pools as suffice."""
    train = data["train"]
    n_classes = len(train.info.labels)
    quota = even_quota(len(train), arm.ratio, n_classes)
    largest = max(selection.ratio for selection in arm.method.selections)  # type: ignore[attr-defined]
    most = even_quota(len(train), largest, n_classes)
    n_pool = int(np.ceil(FACTOR * most.sum()))
    real = see(session, judge, train, f"{len(train)} real images")
    pools: list[tuple[SyntheticSet, Finished]] = []
    labels: list[int] | None = None
    for number in range(POOLS):
        of_pool = derive_seed(seed, "pool", number) if number else seed
        title = f"pool {number + 1}, seed {seed}"
        _, made = synthesize_pool(session, arm, data, fitted, n_pool, of_pool, title, labels)
        pools.append((made, see(session, judge, made, f"{made.manifest['method']}, {title}")))
        chosen = _choose(arm, train, real, pools, quota, seed)
        counts = np.bincount(chosen.target[chosen.indices], minlength=n_classes)
        if (counts >= quota).all():
            finished = _seal(session, arm, train, pools, real, chosen, quota, seed)
            return Choice(finished, SyntheticSet(finished.path))
        # what the largest arm lacks, so that all arms of a rule draw the same pools
        labels = np.flatnonzero(np.array(chosen.accepted) < most).tolist()
    short = [
        f"{train.info.labels[index]} {counts[index]} of {quota[index]}" for index in np.flatnonzero(counts < quota)
    ]
    return Choice(
        None,
        None,
        f"too few images look like their class after {POOLS} pools of {n_pool}: {', '.join(short)}; "
        f"{chosen.acceptance:.0%} were acceptable",
    )


def even_quota(n_real: int, ratio: float, n_classes: int) -> np.ndarray:
    """Return how many images of each class a ratio of the real ones asks for, at least one each, even over classes."""
    total = max(round(ratio * n_real), n_classes)
    share = np.full(n_classes, total // n_classes, dtype=np.int64)
    share[: total % n_classes] += 1
    return share


def see(session: Session, judge: Judge, images: Dataset | SyntheticSet, title: str) -> Finished:
    """Compute the judge's features and probabilities of images."""
    config = {"network": judge.network.name, "config": judge.network.config}
    inputs = {"model": judge.model.key, "images": images.digest}
    job = session.torch("judge", config, inputs, f"{judge.network.name} on {title}")

    def work(folder: Path, run: Run) -> None:
        def read() -> Iterator[UInt8[np.ndarray, "h w 3"]]:
            return ordered_map(lambda index: images[index].image, range(len(images)), run.threads)

        plugin = judge.network.plugin
        np.save(folder / FEATURES, plugin.features(read(), judge.model.path, run))
        scores = [prediction.scores for prediction in plugin.predict(read(), judge.model.path, run)]
        if any(score is None for score in scores):
            raise JobError("expected a network that gives class probabilities", got=judge.network.name)
        np.save(folder / SCORES, np.stack([score for score in scores if score is not None]))

    return session.do(job, work, within=True)


@dataclass(frozen=True)
class _Chosen:
    indices: np.ndarray
    target: np.ndarray
    acceptance: float
    accepted: Sequence[int]
    candidates: Sequence[int]


def _choose(
    arm: Arm,
    train: Dataset,
    real: Finished,
    pools: Sequence[tuple[SyntheticSet, Finished]],
    quota: np.ndarray,
    seed: int,
) -> _Chosen:
    labels = np.array([record.label for record in train.records])
    target = np.array([record.label for made, _ in pools for record in made.records])
    pool, scores = (_together([seen for _, seen in pools], name) for name in (FEATURES, SCORES))
    method: Any = arm.method
    seen = method.candidates(
        real=np.load(real.path / FEATURES),
        labels=labels,
        pool=pool,
        target=target,
        confidence=scores[np.arange(len(target)), target],
    )
    rng = np.random.default_rng(derive_seed(seed, "select", arm.selection.title if arm.selection else ""))
    found = method.choose(arm.selection, seen, quota, rng)
    by_class = (found.accepted.tolist(), found.candidates.tolist())
    return _Chosen(found.indices, target, float(found.acceptance), *by_class)


def _seal(
    session: Session,
    arm: Arm,
    train: Dataset,
    pools: Sequence[tuple[SyntheticSet, Finished]],
    real: Finished,
    chosen: _Chosen,
    quota: np.ndarray,
    seed: int,
) -> Finished:
    config = {"selection": arm.selection.model_dump(mode="json"), "quota": quota.tolist()}  # type: ignore[union-attr]
    inputs = {"train": train.digest, "judged:real": real.key}
    inputs |= {f"pool:{number}": seen.key for number, (_, seen) in enumerate(pools)}
    job = session.numeric("select", config, inputs, f"{arm.title}, {len(chosen.indices)} images, seed {seed}", seed)

    def work(folder: Path, run: Run) -> None:
        places = [(made, index) for made, _ in pools for index in range(len(made))]
        numbers = [number for number, (made, _) in enumerate(pools) for _ in range(len(made))]
        writer = SyntheticSetWriter(folder, train.info, dict(zip(train.ids, train.groups, strict=True)))
        with run.progress("select", len(chosen.indices), unit="image") as progress:
            for order, place in enumerate(chosen.indices.tolist()):
                made, index = places[place]
                record, sample = made.metadata[index], made[index]
                recipe = {**record.recipe, "pool": made.digest, "rank": order}
                condition = record.condition(sample, id=f"pool{numbers[place]}-{sample.id}", recipe=recipe)
                writer.write(order, condition, sample.image)
                progress.advance()
        first = pools[0][0].manifest
        kept = {key: first.get(key) for key in ("method", "config", "dataset", "dataset_digest", "parts", "versions")}
        told = {"variant": arm.variant, "seed": seed, "use": TRAINING, **_acceptance(chosen, train), **config}
        writer.seal(len(chosen.indices), {**kept, **told, "pools": [made.digest for made, _ in pools]})

    return session.do(job, work)


def _acceptance(chosen: _Chosen, train: Dataset) -> dict[str, Any]:
    """Return the share of the pools that was acceptable, and by class how many of how many."""
    names = train.info.labels
    accepted = dict(zip(names, chosen.accepted, strict=True))
    candidates = dict(zip(names, chosen.candidates, strict=True))
    return {"acceptance": chosen.acceptance, "accepted": accepted, "candidates": candidates}


def _together(jobs: Sequence[Finished], name: str) -> Float32[np.ndarray, "n d"]:
    return np.concatenate([np.load(finished.path / name) for finished in jobs])
