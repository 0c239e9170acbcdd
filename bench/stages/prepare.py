"""Stage *prepare*: a dataset's splits in canonical form at the working resolution."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

from bench.config import Preset
from bench.contract import Dataset
from bench.datasets.prepared.read import PreparedDataset
from bench.datasets.prepared.write import prepare
from bench.datasets.source import DatasetSource
from bench.datasets.splits.captioned import caption_half, with_captions
from bench.datasets.splits.few_labels import limit_labels
from bench.datasets.splits.folds import fold as fold_views
from bench.digest import digest
from bench.engine.context import Run
from bench.engine.session import Session, together
from bench.engine.step import Step
from bench.errors import ConfigError
from bench.track import track_of

FOLD_SEED = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepare(Step):
    """Write one split; `square` fits whole images into that many pixels, `mpp` resamples tiles.

    `limit` is the number of samples that are kept of a larger split, evenly spread over it; None: all are kept.
    """

    stage: ClassVar[str] = "prepare"

    source: DatasetSource
    split: str
    mpp: float | None
    square: int | None
    fingerprint: str
    limit: int | None = None

    @property
    def config(self) -> dict[str, object]:
        """Dataset, split, resolution and the card's content."""
        card = self.source.card
        config: dict[str, object] = {"dataset": card.name, "split": self.split, "mpp": self.mpp, "card": card.content()}
        if self.square is not None:
            config |= {"mpp": None, "square": self.square}
        return config if self.limit is None else config | {"limit": self.limit}

    @property
    def inputs(self) -> dict[str, str]:
        """The fingerprint of the dataset's files."""
        return {"files": self.fingerprint}

    def run(self, folder: Path, context: Run) -> None:
        """Read every sample and write it in canonical form."""
        show = context.progress
        doubtful = prepare(self.source, self.split, self.mpp, folder, show, square=self.square, limit=self.limit)
        for line in doubtful:
            context.reporter.warn(f"labels of {self.source.card.name}, {self.split}: {line}")


async def prepare_splits(
    session: Session, source: DatasetSource, preset: Preset, splits: Iterable[str], whole: Container[str] = ()
) -> dict[str, PreparedDataset]:
    """Prepare splits, each in its own step, and return them open.

    A split keeps as many samples as the preset says, but all of them if its name is in `whole`.
    """
    card = source.card
    # an image with an image-level class is used whole: it is fitted into the patch, not cut
    square = preset.patch if track_of(card).whole else None
    at = "" if preset.mpp is None else f", at {preset.mpp} um per pixel"
    how = at if square is None else f", {square} px"
    step = partial(
        Prepare,
        place=session.numeric,
        source=source,
        mpp=preset.mpp,
        square=square,
        fingerprint=digest(source.fingerprint()),
    )
    names = list(splits)
    most = {split: n for split, n in preset.split_samples.items() if split in names and split not in whole}
    limits = {split: _limit(source, split, n) for split, n in most.items()}
    steps = [step(split=split, limit=limits.get(split), title=f"{card.name}, {split}{how}") for split in names]
    done = await together(*(session.do(one) for one in steps))
    return {split: PreparedDataset(finished.path) for split, finished in zip(names, done, strict=True)}


def _limit(source: DatasetSource, split: str, most: int) -> int | None:
    """Return how many samples of a split are kept; None if it has no more than that."""
    return None if len(source.ids(split)) <= most else most


def apply_fold(data: Mapping[str, PreparedDataset], fold: tuple[int, int] | None) -> dict[str, Dataset]:
    """Return the splits; for fold k of K, the training split cut by group, with the held-out fold as test split."""
    if fold is None:
        return dict(data)
    k, n_folds = fold
    if not 1 <= k <= n_folds or n_folds < 2:
        needed = "There is no such fold: --fold k/K needs 1 <= k <= K and K >= 2"
        raise ConfigError(needed, got=f"{k}/{n_folds}", fix=f"for example --fold 1/{max(n_folds, 2)}")
    train, held_out = fold_views(data["train"], k, n_folds, FOLD_SEED)
    return {**data, "train": train, "test": held_out}


def offered_roles(source: DatasetSource) -> frozenset[str]:
    """Return the roles of data that a dataset can play: its splits, and a pool if its card limits the labels."""
    return frozenset(source.splits()) | (frozenset({"pool"}) if source.card.labelled else frozenset())


def apply_labelled(data: Mapping[str, Dataset], source: DatasetSource) -> dict[str, Dataset]:
    """Return the splits under the card's limit on labels: `train` keeps the labelled part, `pool` has the rest."""
    train = data["train"]
    if source.card.labelled is None or not isinstance(train, PreparedDataset):
        return dict(data)
    labelled, pool = limit_labels(train, source.card.labelled)
    return {**data, "train": labelled, "pool": pool}


def own_text(train: Dataset, how: Literal["", "all", "half"]) -> dict[str, Dataset]:
    """Return the captioned samples of a training split in the role "text": all, or those of every second group."""
    if not how:
        return {}
    assert isinstance(train, PreparedDataset)
    return {"text": with_captions(train) if how == "all" else caption_half(train)}


async def prepare_others(
    session: Session, others: Mapping[str, DatasetSource], preset: Preset, roles: Iterable[str]
) -> dict[str, Dataset]:
    """Prepare the datasets of other roles that a method reads, such as `text` or `pool`, and return them by role.

    Each is read as its own kind of dataset is: captioned images are fitted into the patch as a whole, for example.
    """
    wanted = {role: source for role, source in others.items() if role in set(roles)}
    prepared = await together(*(prepare_splits(session, source, preset, ["train"]) for source in wanted.values()))
    data = {role: splits["train"] for role, splits in zip(wanted, prepared, strict=True)}
    return {role: with_captions(split) if role == "text" else split for role, split in data.items()}
