"""What is behind the rows of a run: the data that it read, the sets and the generators of each arm."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.contract import Dataset
from bench.digest import digest, digest_file
from bench.engine.context import CURVES
from bench.engine.step import Finished
from bench.engine.store import DOCUMENT
from bench.evaluation.row_maker import Behind, together
from bench.run.finished_run import FinishedFold
from bench.stages.synthesize import Made

OWN_ROLES = ("train", "validation", "test")
"""The roles that make two tables comparable; data of another role reach a number only through a set or an encoder."""


def data_digest(folds: Sequence[Mapping[str, Dataset]]) -> str:
    """Return the digest of the splits that the networks of one or several folds are trained, chosen and tested on."""
    read = [{role: fold[role].digest for role in OWN_ROLES if role in fold} for fold in folds]
    return digest(read)[:16]


def group_counts(folds: Sequence[FinishedFold]) -> dict[str, int]:
    """Return the number of groups of each split, in one fold or in several together."""
    return {role: len({group for fold in folds for group in fold.data[role].groups}) for role in ("train", "test")}


def behind_of(folds: Sequence[FinishedFold]) -> dict[str, Behind]:
    """Return what is behind the rows of each arm, by its title: in one fold, or in several together."""
    return {
        trial.arm.title: Behind(
            size=_size(folds[0].sets[place]),
            digests=list(_digests([fold.sets[place] for fold in folds])),
            generators=_generators([fold.generators[place] for fold in folds]),
        )
        for place, trial in enumerate(folds[0].trials)
    }


def _size(sets: Sequence[Made | None]) -> int:
    """Return the number of images of an arm's set, which is the same under every seed."""
    return 0 if not sets or sets[0] is None else len(sets[0].set)


def _digests(folds: Sequence[Sequence[Made | None]]) -> Iterator[str]:
    """Yield the digest of the set of each generation seed: of the sets of all folds."""
    for sets in zip(*folds, strict=False):  # an arm may lack its sets in some fold
        yield together([made.set.digest for made in sets if made is not None])


def _generators(folds: Sequence[Sequence[Mapping[str, Finished]]]) -> tuple[int, int]:
    """Return the numbers of different generators behind one set of each fold, and behind all sets."""
    trained = [[parts for parts in generators if parts] for generators in folds]
    different = sum(len({_content(parts) for parts in one}) if len(one) > 1 else len(one) for one in trained)
    return sum(map(bool, trained)), different


def _content(parts: Mapping[str, Finished]) -> str:
    """Return a digest of what a generator is: of all files of its parts, but not of how they were made."""
    found = hashlib.sha256()
    for name, finished in sorted(parts.items()):
        for path in sorted(finished.path.rglob("*")):
            if path.is_file() and path.name not in (DOCUMENT, CURVES):
                found.update(f"{name}/{_below(path, finished.path)}:{digest_file(path)};".encode())
    return found.hexdigest()


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
