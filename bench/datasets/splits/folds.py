"""K folds inside the training split, by group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from functools import partial

import numpy as np

from bench.contract import SampleRecord
from bench.datasets.prepared.read import PreparedDataset
from bench.errors import ConfigError


def fold(dataset: PreparedDataset, k: int, n_folds: int, seed: int) -> tuple[PreparedDataset, PreparedDataset]:
    """Return fold `k` of `n_folds` (1-based) as a training view and a validation view.

    No group is in both. Groups are dealt in order of their rare nuclei (of their label on the tissue
    task), so that folds hold about equally many; ties are broken by `seed`. The papers do not publish their
    assignment.

    Raises:
        ConfigError: `k` is not in 1..`n_folds`, or there are fewer groups than folds.
    """
    if n_folds < 2 or not 1 <= k <= n_folds:
        raise ConfigError("The fold k of K does not satisfy 1 <= k <= K and K >= 2", got=f"{k}/{n_folds}")
    held_out = {group for group, index in assign(dataset, n_folds, seed).items() if index == k}
    sides: dict[bool, list[int]] = {True: [], False: []}
    for index, group in enumerate(dataset.groups):
        sides[group in held_out].append(index)
    return dataset.subset(sides[False], split="train"), dataset.subset(sides[True], split="validation")


def assign(dataset: PreparedDataset, n_folds: int, seed: int) -> dict[str, int]:
    """Return the fold, 1..`n_folds`, of each group of a dataset; see :func:`assign_groups`."""
    return assign_groups(dataset.records, dataset.info.rare, n_folds, seed, dataset.info.name)


def assign_groups(
    records: Sequence[SampleRecord], rare: Collection[int], n_folds: int, seed: int, name: str
) -> dict[str, int]:
    """Return the fold, 1..`n_folds`, of each group.

    Args:
        records: of each sample of the training split.
        rare: ids of the rare classes.
        n_folds: number of folds.
        seed: breaks ties.
        name: name of the dataset, for messages.

    Raises:
        ConfigError: there are fewer groups than folds.
    """
    members: dict[str, list[SampleRecord]] = defaultdict(list)
    for record in records:
        members[record.group].append(record)
    if len(members) < n_folds:
        got = f"{len(members)} groups for {n_folds} folds"
        raise ConfigError(f"The training split of {name} has fewer groups than folds", got=got)
    rng = np.random.default_rng(seed)
    tie = {group: rng.random() for group in sorted(members)}
    n_rare = {group: sum(map(partial(_rare, rare=rare), own)) for group, own in members.items()}
    label = {group: own[0].label or 0 for group, own in members.items()}
    ordered = sorted(members, key=lambda group: (-n_rare[group], label[group], tie[group]))
    folds: dict[str, int] = {}
    load = np.zeros(n_folds)
    for start in range(0, len(ordered), n_folds):
        # each fold gets one group per deal: the fewer rare nuclei it has so far, the more its next group has
        emptiest = np.lexsort((rng.random(n_folds), load)).tolist()
        for group, index in zip(ordered[start : start + n_folds], emptiest, strict=False):
            folds[group] = index + 1
            load[index] += n_rare[group]
    return folds


def _rare(record: SampleRecord, rare: Collection[int]) -> int:
    return sum(record.nuclei[index - 1] for index in rare)
