"""Stages *features* and *fidelity*: how far a synthetic set lies from real patches in an encoder's eyes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.config import Preset
from bench.contract import Dataset
from bench.encoders import EncoderHandle
from bench.jobs import Finished
from bench.jobs.store import write_json
from bench.runtime import Run
from bench.stages.patches import halves_by_group, random_crops
from bench.stages.session import Session
from bench.synthetic import SyntheticSet

# Real patches embedded for each synthetic one: both halves of a floor need as many as the set has.
POOL = 3
FLOOR_SPLITS = 8
_BATCH = 64


def fidelity(
    session: Session, handle: EncoderHandle, real: Dataset, synthetic: SyntheticSet, preset: Preset, title: str
) -> Finished:
    """Compare a set with as many real patches of one split; the floor compares real with real at the same number."""
    n = min(len(synthetic), preset.reference_samples)
    config = {"encoder": handle.identity, "n": n, "patch": preset.patch, "pool": POOL, "floor_splits": FLOOR_SPLITS}
    inputs = {"real": real.digest, "synthetic": synthetic.digest}
    job = session.torch("fidelity", config, inputs, f"{title}, {handle.name}, against {real.info.split}")

    def work(folder: Path, run: Run) -> None:
        made = np.load(synthetic_features(session, handle, synthetic).path / "features.npy")
        kept = np.sort(run.rng("synthetic").permutation(len(made))[:n])
        pool, groups = real_features(session, handle, real, POOL * n, preset.patch)
        chosen = np.sort(run.rng("real").permutation(len(pool))[:n])
        compared = compare(
            (pool[chosen], [groups[i] for i in chosen]), (made[kept], [synthetic.groups[i] for i in kept])
        )
        write_json(folder / "fidelity.json", {**compared, "floor": floor(pool, groups, n, run)})

    return session.do(job, work)


def synthetic_features(session: Session, handle: EncoderHandle, synthetic: SyntheticSet) -> Finished:
    """Embed a synthetic set; cached by (set digest, encoder)."""
    job = session.torch(
        "features",
        {"encoder": handle.identity},
        {"images": synthetic.digest},
        f"{handle.name}, {len(synthetic)} images",
    )

    def work(folder: Path, run: Run) -> None:
        encoder = handle.load(run.device)
        batches = range(0, len(synthetic), _BATCH)
        parts = []
        with run.progress("embed", len(synthetic), unit="image") as progress:
            for start in batches:
                images = [synthetic[i].image for i in range(start, min(start + _BATCH, len(synthetic)))]
                parts.append(encoder.images(np.stack(images)))
                progress.advance(len(images))
        np.save(folder / "features.npy", np.concatenate(parts))

    return session.do(job, work, within=True)


def real_features(
    session: Session, handle: EncoderHandle, real: Dataset, n: int, patch: int
) -> tuple[np.ndarray, list[str]]:
    """Embed `n` real patches, spread evenly over the tiles; returns features and groups."""
    config = {"encoder": handle.identity, "patch": patch, "n": n}
    title = f"{handle.name}, {n} real patches of {real.info.split}"
    job = session.torch("features", config, {"images": real.digest}, title)

    def work(folder: Path, run: Run) -> None:
        crops, groups = random_crops(real, range(len(real)), n, patch, run.seed)
        np.save(folder / "features.npy", handle.load(run.device).images(crops))
        write_json(folder / "groups.json", groups)

    path = session.do(job, work, within=True).path
    return np.load(path / "features.npy"), json.loads((path / "groups.json").read_text())


def compare(real: tuple[np.ndarray, Sequence[str]], synthetic: tuple[np.ndarray, Sequence[str]]) -> dict[str, Any]:
    """Distances between two sets of (features, groups)."""
    from metrics.frechet import frechet_distance
    from metrics.kernel import kernel_distance_jackknife

    distance = frechet_distance(real[0], synthetic[0])
    kernel, kernel_se = kernel_distance_jackknife(real[0], synthetic[0], real[1], synthetic[1])
    return {
        "n": len(synthetic[0]),
        "fd": distance.value,
        "kd": kernel,
        "kd_se": kernel_se,
        "rank_deficient": distance.rank_deficient,
    }


def floor(pool: np.ndarray, groups: Sequence[str], n: int, run: Run) -> dict[str, Any] | None:
    """Real-versus-real distances at `n`: the mean over seeded splits of the groups in halves; None with one group.

    The two sides share no slide, as a synthetic set of unseen tissue would not.
    """
    if len(set(groups)) < 2:
        return None
    splits = []
    for split in range(FLOOR_SPLITS):
        rng = run.rng("floor", split)
        sides = [rng.permutation(half)[:n] for half in halves_by_group(groups, rng)]
        splits.append(compare(*((pool[side], [groups[i] for i in side]) for side in sides)))
    return {name: float(np.mean([split[name] for split in splits])) for name in ("fd", "kd", "n")}
