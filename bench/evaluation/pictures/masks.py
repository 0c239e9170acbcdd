"""Pictures of what methods draw under test masks, and of the masks to which they are least faithful."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from bench.contract import Sample
from bench.engine.step import Finished
from bench.evaluation.base import Measured
from bench.evaluation.masks import MaskPatches
from bench.evaluation.pictures.choice import spread, worth
from bench.evaluation.pictures.shown import Shown, labels_of, place, said_of_nuclei, share
from bench.evaluation.statistics import Statistics
from bench.samples import count_nuclei
from bench.stages.predict import read_prediction
from bench.synthetic import SyntheticSet

ROWS, WORST = 8, 8


class Drawn(NamedTuple):
    """One set of images of test masks: the masks, the set, what the segmenter found in it, and the scores of images."""

    masks: MaskPatches
    set: SyntheticSet
    found: Finished
    scores: Finished


def same_mask(measured: Sequence[tuple[Measured, Drawn]]) -> Iterator[Shown]:
    """Yield test patches with their masks and without, and what each arm drew of these masks.

    Rows are chosen by the masks, which are the same for every method.
    """
    drawn: dict[str, tuple[Measured, Drawn]] = {}
    for each, one in measured:
        drawn.setdefault(one.set.digest, (each, one))  # arms of one generator draw the same
    if not drawn:
        return
    shown = list(drawn.values())
    masks = shown[0][1].masks
    info = masks.test.info
    worths = [worth(count_nuclei(sample.types, len(info.classes)), info.rare) for sample in masks.samples()]
    chosen = spread(worths, ROWS)
    for index, row, sample in _at(masks, chosen):
        said = said_of_nuclei(labels_of(sample), info.classes)
        alt = f"Test patch of {row}, with its mask of {said}."
        yield Shown(gallery="same-mask", row=row, column="truth", image=sample.image, alt=alt, labels=labels_of(sample))
        alt = f"The same test patch of {row}, without its mask."
        yield Shown(gallery="same-mask", row=row, column="real", image=sample.image, alt=alt)
        for each, one in shown:
            title = each.trial.arm.title
            alt = f"What {title} drew of the mask of this patch, without having seen its image."
            yield Shown(gallery="same-mask", row=row, column=title, image=one.set.image(index), alt=alt)


def least_faithful(each: Measured, one: Drawn, network: str) -> Iterator[Shown]:
    """Yield the images that show least of their masks, and what the segmenter found in them, the worst first."""
    title, info = each.trial.arm.title, one.masks.test.info
    scores = Statistics(one.scores.path)
    fs1, fs2 = scores.numbers("fs1"), scores.numbers("fs2")
    worst = [int(at) for at in np.argsort(fs1, kind="stable") if not np.isnan(fs1[at])][:WORST]
    found = {index: (row, sample) for index, row, sample in _at(one.masks, worst)}
    for index in worst:
        window, asked = found[index]
        image = one.set.image(index)
        note = f"FS1 {share(float(fs1[index]))}, FS2 {share(float(fs2[index]))}"
        row, value = f"{title}: {window}", float(fs1[index])
        labels = labels_of(asked)
        alt = f"What {title} drew of the mask of {window}, with the mask of {said_of_nuclei(labels, info.classes)}."
        yield Shown(
            gallery="faithfulness", row=row, column=title, image=image, alt=alt, labels=labels, note=note, value=value
        )
        prediction = read_prediction(one.found.path / f"{index:05d}.npz")
        seen = replace(asked, instances=prediction.instances, types=prediction.types)
        column, labels = f"found by {network}", labels_of(seen)
        alt = f"The same image with what {network} found in it: {said_of_nuclei(labels, info.classes)}."
        yield Shown(gallery="faithfulness", row=row, column=column, image=image, alt=alt, labels=labels, value=value)


def _at(masks: MaskPatches, chosen: Sequence[int]) -> Iterator[tuple[int, str, Sample]]:
    """Yield some of the masks: their number, the name of their place, and the patch."""
    for index, (y, x, sample) in enumerate(masks.placed()):
        if index in chosen:
            yield index, place(sample.id, y, x), sample
