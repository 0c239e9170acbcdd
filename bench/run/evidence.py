"""Writes what a run shows: pictures, confusion matrices and balances of classes; results never depend on it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from bench.atomic import replacing_folder
from bench.evaluation.pictures.shown import Shown
from bench.results.evidence import FOLDER, Confusion, Evidence, Picture
from bench.run.finished_run import FinishedRun
from bench.run.galleries import balances, classes, labels
from bench.run.resolve import Resolved

LARGEST = 1_200_000
"""Bytes of all pictures of a run."""

Item = TypeVar("Item")


class File(NamedTuple):
    """A picture, and the content of its file."""

    picture: Picture
    content: bytes


@dataclass
class Collector:
    """Collects what can be shown; what fails is named in a warning and in `lacking`, and the rest is still written."""

    warn: Callable[[str], None]
    lacking: list[str] = field(default_factory=list)

    def collect(self, what: str, items: Callable[[], Iterable[Item]]) -> Iterator[Item]:
        """Yield the items of one kind, up to the first error."""
        try:
            yield from items()
        except Exception as error:  # whatever is wrong with a picture, the numbers of the run are right
            said = f"{what}: {type(error).__name__}: {error}"
            self.warn(f"something that reports show could not be made: {said}")
            self.lacking.append(said)


def has_evidence(folder: Path) -> bool:
    """Return whether there is complete evidence of the present schema in the folder of a run's results."""
    try:
        found = Evidence.read(folder)
    except ValueError:
        return False
    current = Evidence.model_fields["schema_version"].default
    return found is not None and found.schema_version == current and not found.lacking


def write_evidence(folder: Path, resolved: Resolved, complete: FinishedRun, warn: Callable[[str], None]) -> None:
    """Write the evidence of a run into the folder of its results, and replace what is there.

    Args:
        folder: the folder of the run's results.
        resolved: the request.
        complete: the run.
        warn: says what could not be made.
    """
    from reports.outlines import class_colours

    collector = Collector(warn)
    files = fitting(list(_files(complete, collector)), LARGEST)
    matrices = list(_matrices(complete, resolved.request.threads, collector))
    of_classes = list(collector.collect("balances of classes", partial(balances, complete.first)))
    info = complete.first.data["train"].info
    evidence = Evidence(
        dataset=resolved.card.name,
        method=resolved.subject.name,
        variant=resolved.subject.variant,
        pictures=tuple(file.picture for file in files),
        confusions=tuple(matrices),
        balances=tuple(of_classes),
        colours=class_colours(info.classes) | class_colours(info.labels),
        lacking=tuple(collector.lacking),
    )
    _write(folder, evidence, files)


def encoded(shown: Shown) -> File:
    """Return a picture with its file, named after its content."""
    from reports.thumbnails import encode, thumbnail

    instances, types = shown.labels or (None, None)
    content, ending = encode(thumbnail(np.ascontiguousarray(shown.image), instances, types, shown.longest))
    picture = Picture(
        gallery=shown.gallery,
        row=shown.row,
        column=shown.column,
        file=f"{hashlib.sha256(content).hexdigest()[:16]}.{ending}",
        alt=shown.alt,
        caption=shown.caption,
        note=shown.note,
        value=shown.value,
        outlines=shown.labels is not None,
    )
    return File(picture, content)


def fitting(files: Sequence[File], largest: int) -> list[File]:
    """Return as many pictures as take up `largest` bytes; last rows of the largest galleries are left out."""
    kept = list(files)
    while sum((sizes := _sizes(kept)).values()) > largest:
        gallery = max(sizes, key=lambda name: sizes[name])
        last = [file.picture.row for file in kept if file.picture.gallery == gallery][-1]
        kept = [file for file in kept if (file.picture.gallery, file.picture.row) != (gallery, last)]
    return kept


def summed(matrices: Iterable[Confusion]) -> list[Confusion]:
    """Return one confusion matrix for each arm and network: the sum of those of several folds."""
    found: dict[tuple[str, str], Confusion] = {}
    for one in matrices:
        before = found.setdefault((one.arm, one.downstream), one)
        if before is not one:
            counts = np.array(before.counts) + np.array(one.counts)
            found[one.arm, one.downstream] = one.model_copy(update={"counts": tuple(map(tuple, counts.tolist()))})
    return list(found.values())


def _files(complete: FinishedRun, collector: Collector) -> Iterator[File]:
    first = complete.first
    for name, gallery in (("labels", labels), ("classes", classes)):
        yield from collector.collect(f"pictures of {name}", partial(_encoded, partial(gallery, first)))
    for one in complete.evaluations:
        shown = partial(one.pictures, first.measured[one.name])
        yield from collector.collect(f"pictures of {one.name}", partial(_encoded, shown))


def _encoded(pictures: Callable[[], Iterable[Shown]]) -> Iterator[File]:
    return map(encoded, pictures())


def _matrices(complete: FinishedRun, threads: int, collector: Collector) -> Iterator[Confusion]:
    for one in complete.evaluations:
        found: list[Confusion] = []
        for fold in complete.folds:
            of_fold = partial(one.confusions, fold.measured[one.name], threads)
            found.extend(collector.collect(f"confusion matrices of {one.name}", of_fold))
        yield from summed(found)


def _sizes(files: Sequence[File]) -> dict[str, int]:
    """Return the bytes of each gallery; a file that several pictures share counts once."""
    contents = {file.picture.file: (file.picture.gallery, len(file.content)) for file in files}
    found: dict[str, int] = {}
    for gallery, size in contents.values():
        found[gallery] = found.get(gallery, 0) + size
    return found


def _write(folder: Path, evidence: Evidence, files: Sequence[File]) -> None:
    """Write the pictures and what names them into a new folder, which then replaces the one that is there."""
    with replacing_folder(folder / FOLDER) as place:
        for file in files:
            (place / file.picture.file).write_bytes(file.content)
        evidence.write_into(place)
