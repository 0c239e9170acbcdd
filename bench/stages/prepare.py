"""Stage *prepare*: a dataset's splits in canonical form at the working resolution."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.config import Preset
from bench.contract import Dataset
from bench.datasets.prepared.read import PreparedDataset
from bench.datasets.prepared.write import prepare
from bench.datasets.source import DatasetSource
from bench.datasets.splits.few_labels import limit_labels
from bench.datasets.splits.folds import fold as fold_views
from bench.digest import digest
from bench.engine.context import Run
from bench.engine.session import Session
from bench.errors import ConfigError
from bench.track import track_of

FOLD_SEED = 0


def prepare_splits(
    session: Session, source: DatasetSource, preset: Preset, splits: Iterable[str]
) -> dict[str, PreparedDataset]:
    """Prepare splits, each a job of its own, and open them."""
    card = source.card
    fingerprint = digest(source.fingerprint())
    opened = {}
    for split in splits:
        config: dict[str, object] = {"dataset": card.name, "split": split, "mpp": preset.mpp, "card": card.content()}
        square = preset.patch if track_of(card).whole else None
        how = "" if preset.mpp is None else f", at {preset.mpp} um a pixel"
        if square is not None:
            config |= {"mpp": None, "square": square}
            how = f", {square} px"
        title = f"{card.name}, {split}{how}"
        job = session.numeric("prepare", config, {"files": fingerprint}, title)

        def work(folder: Path, run: Run, split: str = split, square: int | None = square) -> None:
            prepare(source, split, preset.mpp, folder, run.progress, square=square)

        opened[split] = PreparedDataset(session.do(job, work).path)
    return opened


def apply_fold(data: Mapping[str, PreparedDataset], fold: tuple[int, int] | None) -> dict[str, Dataset]:
    """Return the splits, or for fold k of K the training split cut by group: the held-out fold becomes the test."""
    if fold is None:
        return dict(data)
    k, n_folds = fold
    if not 1 <= k <= n_folds or n_folds < 2:
        raise ConfigError("expected --fold k/K with 1 <= k <= K and K >= 2", got=f"{k}/{n_folds}")
    train, held_out = fold_views(data["train"], k, n_folds, FOLD_SEED)
    return {**data, "train": train, "test": held_out}


def offered_roles(source: DatasetSource) -> frozenset[str]:
    """Return the roles of data that a dataset can play: its splits, and a pool where labels are limited."""
    return frozenset(source.splits()) | (frozenset({"pool"}) if source.card.labelled else frozenset())


def apply_labelled(data: Mapping[str, Dataset], source: DatasetSource) -> dict[str, Dataset]:
    """Return the splits with the card's limit on labels: `train` keeps the labelled part, `pool` the rest."""
    train = data["train"]
    if source.card.labelled is None or not isinstance(train, PreparedDataset):
        return dict(data)
    labelled, pool = limit_labels(train, source.card.labelled)
    return {**data, "train": labelled, "pool": pool}


def prepare_others(
    session: Session, others: Mapping[str, DatasetSource], preset: Preset, roles: Iterable[str]
) -> dict[str, Dataset]:
    """Prepare the datasets that play a role of their own, `text` or `pool`, where a method reads it."""
    wanted = {role: source for role, source in others.items() if role in set(roles)}
    return {role: prepare_splits(session, source, preset, ["train"])["train"] for role, source in wanted.items()}
