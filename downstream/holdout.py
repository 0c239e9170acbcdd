"""The hold-out: some real training images, set apart to choose a checkpoint by; never test images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

from bench.errors import DataError


class HoldOut(NamedTuple):
    """Places in the training set, ascending: of images to train on, and of held-out ones."""

    train: list[int]
    held: list[int]


def hold_out(labels: Int64[np.ndarray, " n"], groups: Sequence[str], share: float, rng: np.random.Generator) -> HoldOut:
    """Set apart the given share of every class, at least one image, in whole groups.

    Groups (slides, patients) are never divided, so that the held-out share may be larger: a quarter where the data has
    four slides. Where every image is a group of its own this is a stratified draw. A class keeps at least one image
    to train on, and one that lies in a single group is not held out.

    Args:
        labels: class of each image.
        groups: group of each image.
        share: share of each class to hold out, in [0, 1); 0 holds out none.
        rng: draws which.

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
            "expected training images of several groups, some of which can be held out",
            got=f"{len(labels)} images in {len(names)} groups, none of which the other groups can replace",
            fix="use more data, or train without a hold-out: downstream.holdout=0 downstream.selection=last",
        )
    return HoldOut(np.flatnonzero(~chosen).tolist(), np.flatnonzero(chosen).tolist())


def _groups(counts: Int64[np.ndarray, "g c"], share: float, rng: np.random.Generator) -> list[int]:
    """Choose groups, class after class with the rarest first; each time the one that overshoots least."""
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
