"""The hold-out: real training images that are set apart for choosing a checkpoint; never test images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

from bench.errors import DataError


class HoldOut(NamedTuple):
    """Ascending positions in the training set: of images to train on and of held-out images."""

    train: list[int]
    held: list[int]


def hold_out(labels: Int64[np.ndarray, " n"], groups: Sequence[str], share: float, rng: np.random.Generator) -> HoldOut:
    """Set apart the given share of every class, at least one image, in whole groups.

    Groups (slides, patients) are never divided, so the held-out share may be larger: a quarter if the data has four
    slides. If every image is its own group, this is a stratified draw. Every class keeps at least one image for
    training, and a class whose images are all in one group is not held out.

    Args:
        labels: class of each image.
        groups: group of each image.
        share: share of each class to hold out, in [0, 1); 0 holds out none.
        rng: draws the groups.

    Raises:
        DataError: no image can be held out.
    """
    if share == 0:
        return HoldOut(list(range(len(labels))), [])
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    counts = np.zeros((len(names), int(labels.max(initial=0)) + 1), np.int64)
    np.add.at(counts, (group, labels), 1)
    chosen = np.isin(group, _groups(counts, share, rng))
    if not chosen.any():
        raise DataError(
            "No training images can be held out, because no group can be spared",
            got=f"{len(labels)} images in {len(names)} groups, each of which is needed for training",
            fix="use training images of several groups, or train without a hold-out: "
            "--set downstream.holdout=0 --set downstream.selection=last",
        )
    return HoldOut(np.flatnonzero(~chosen).tolist(), np.flatnonzero(chosen).tolist())


def _groups(counts: Int64[np.ndarray, "g c"], share: float, rng: np.random.Generator) -> list[int]:
    """Choose groups class by class, beginning with the rarest class; each time take the one that overshoots least."""
    total = counts.sum(0)
    wanted = np.where(total > 0, np.maximum(1, np.round(share * total)), 0)
    held = np.zeros_like(total)
    free = rng.permutation(len(counts))
    chosen: list[int] = []
    for label in np.argsort(total, kind="stable"):
        candidates = free[counts[free, label] > 0]
        while held[label] < wanted[label]:
            candidates = candidates[(held + counts[candidates] <= np.maximum(total - 1, 0)).all(1)]
            if not len(candidates):
                break
            excess = np.maximum(held + counts[candidates] - wanted, 0).sum(1)
            place = int(np.argmin(excess))
            held = held + counts[candidates[place]]
            chosen.append(int(candidates[place]))
            candidates = np.delete(candidates, place)
        free = free[~np.isin(free, chosen)]
    return chosen
