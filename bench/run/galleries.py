"""What a run shows of its sets, whatever is evaluated: labels, classes, and how many of each class there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from bench.contract import Dataset, DatasetInfo, Sample, SampleRecord
from bench.evaluation.pictures.choice import spread, worth
from bench.evaluation.pictures.shown import Shown, labels_of, place, said_of_nuclei
from bench.results.evidence import Balance
from bench.run.finished_run import FinishedFold
from bench.samples import count_nuclei
from bench.stages.patches import cut_rectangle
from bench.synthetic import TRAINING, SyntheticSet

ROWS = 8

Window = tuple[str, int, int, int, int]
"""Tile, row, column, height and width."""


class Shot(NamedTuple):
    """One image of an arm's set; its kind is empty if all images of the set are of one."""

    arm: str
    kind: str
    set: SyntheticSet
    place: int

    @property
    def column(self) -> str:
        """The column in which it is shown."""
        return f"{self.arm}: {self.kind}" if self.kind else self.arm


def labels(fold: FinishedFold) -> Iterator[Shown]:
    """Yield training patches with their labels, and the patches that the run's own arms derived from them.

    Windows from which several arms drew come first, then those that show rare classes.
    """
    train = fold.data["train"]
    derived: dict[Window, dict[str, Shot]] = {}
    for title, made in _own_sets(fold):
        kinds = {line.kind for line in made.metadata}
        for index, (line, record) in enumerate(zip(made.metadata, made.records, strict=True)):
            if line.tile is None or line.crop is None or not line.instances:
                continue
            shot = Shot(title, line.kind if len(kinds) > 1 else "", made, index)
            derived.setdefault((line.tile, *line.crop, record.height, record.width), {}).setdefault(shot.column, shot)
    for window, real in _chosen(train, derived):
        row = place(*window[:3])
        said = said_of_nuclei(labels_of(real), train.info.classes)
        alt = f"Training patch of {row}, with {said}."
        yield Shown(gallery="labels", row=row, column="real", image=real.image, alt=alt, labels=labels_of(real))
        for shot in derived[window].values():
            sample = shot.set[shot.place]
            said = said_of_nuclei(labels_of(sample), train.info.classes)
            by = f"{shot.arm} ({shot.kind})" if shot.kind else shot.arm
            alt = f"Patch derived from it by {by}, with {said}."
            yield Shown(
                gallery="labels", row=row, column=shot.column, image=sample.image, alt=alt, labels=labels_of(sample)
            )


def classes(fold: FinishedFold) -> Iterator[Shown]:
    """Yield a real image and an image of each of the run's own arms for every class of images."""
    train = fold.data["train"]
    made = list(_own_sets(fold))
    for kind, name in enumerate(train.info.labels):
        real = _of_class(train.records, kind)
        if real:
            image, alt = train[real[len(real) // 2]].image, f"Real training image of class {name}."
            yield Shown(gallery="classes", row=name, column="real", image=image, alt=alt)
        for title, of_arm in made:
            found = _of_class(of_arm.records, kind)
            if found:
                alt = f"Image of class {name} by {title}."
                yield Shown(gallery="classes", row=name, column=title, image=of_arm.image(found[0]), alt=alt)


def balances(fold: FinishedFold) -> Iterator[Balance]:
    """Yield the number of nuclei or images of each class, in the training data and in every arm's first set."""
    train = fold.data["train"]
    for trial, sets in zip(fold.trials, fold.sets, strict=True):
        made = next(iter(sets), None)
        if made is None or made.set.use != TRAINING:
            continue
        if train.info.classes and any(line.types is not None for line in made.set.metadata):
            names = train.info.classes
            real, synthetic = (_nuclei(data.records, names) for data in (train, made.set))
            yield Balance(arm=trial.arm.title, unit="nuclei", real=real, synthetic=synthetic)
        if train.info.labels and any(line.label is not None for line in made.set.metadata):
            names = train.info.labels
            real, synthetic = (_images(data.records, names) for data in (train, made.set))
            yield Balance(arm=trial.arm.title, unit="images", real=real, synthetic=synthetic)


def _own_sets(fold: FinishedFold) -> Iterator[tuple[str, SyntheticSet]]:
    """Yield the first set of the arms that the run is about; of sets that differ only in size, the first."""
    seen: set[str] = set()
    for trial, sets in zip(fold.trials, fold.sets, strict=True):
        made, arm = next(iter(sets), None), trial.arm
        if made is None or made.set.use != TRAINING or arm not in trial.bench.subjects or arm.choice in seen:
            continue
        seen.add(arm.choice)
        yield arm.title, made.set


def _chosen(train: Dataset, derived: Mapping[Window, Mapping[str, Shot]]) -> Iterator[tuple[Window, Sample]]:
    """Yield one window of each of a few tiles, first of those with a window in several columns."""
    windows: dict[str, list[Window]] = {}
    for window in sorted(derived):
        windows.setdefault(window[0], []).append(window)
    tiles = [(index, record) for index, record in enumerate(train.records) if record.id in windows]
    joined = {window[0] for window, shots in derived.items() if len(shots) > 1}
    shown: list[int] = []
    for several in (True, False):
        left = [(index, record) for index, record in tiles if (record.id in joined) == several]
        worths = [worth(record.nuclei, train.info.rare) for _, record in left]
        shown += [left[at][0] for at in spread(worths, ROWS - len(shown))]
    for index in shown:
        yield _best_window(train[index], windows[train.ids[index]], derived, train.info)


def _best_window(
    tile: Sample, windows: Sequence[Window], derived: Mapping[Window, Mapping[str, Shot]], info: DatasetInfo
) -> tuple[Window, Sample]:
    """Return the window in most columns of those of a tile, then that whose real patch shows most."""
    patches = [(window, cut_rectangle(tile, *window[1:])) for window in windows]
    worths = [
        (len(derived[window]), *worth(count_nuclei(patch.types, len(info.classes)), info.rare))
        for window, patch in patches
    ]
    return patches[max(range(len(patches)), key=lambda at: (worths[at], -at))]


def _of_class(records: Sequence[SampleRecord], kind: int) -> list[int]:
    return [index for index, record in enumerate(records) if record.label == kind and record.height]


def _nuclei(records: Sequence[SampleRecord], names: Sequence[str]) -> dict[str, int]:
    return {name: sum(record.nuclei[place] for record in records) for place, name in enumerate(names)}


def _images(records: Sequence[SampleRecord], names: Sequence[str]) -> dict[str, int]:
    counted = Counter(record.label for record in records)
    return {name: counted[place] for place, name in enumerate(names)}
