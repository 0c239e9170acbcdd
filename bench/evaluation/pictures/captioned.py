"""Pictures of captions: the real image that each is about, and what each arm drew of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import UInt8

from bench.contract import Dataset
from bench.evaluation.base import Measured
from bench.evaluation.pictures.choice import evenly
from bench.evaluation.pictures.shown import Shown
from bench.stages.patches import cut_rectangle
from bench.synthetic import SyntheticRecord, SyntheticSet

ROWS = 8


def of_test_captions(drawn: Sequence[tuple[Measured, SyntheticSet]], test: Dataset) -> Iterator[Shown]:
    """Yield test images with their captions, and what each arm drew of these; the same captions for every method."""
    shown = {str(record.caption).strip(): record for record in reversed(test.records) if record.height}
    places = {name: index for index, name in enumerate(test.ids)}
    said = [(record.caption or "").strip() for record in drawn[0][1].metadata] if drawn else []
    for caption in [caption for caption in dict.fromkeys(said) if caption in shown][:ROWS]:
        record = shown[caption]
        alt = f"Test image {record.id}, of which the caption says: {caption}"
        image = test[places[record.id]].image
        yield Shown(gallery="captions", row=record.id, column="real", image=image, alt=alt, caption=caption)
        for each, made in drawn:
            index = next(at for at, line in enumerate(made.metadata) if (line.caption or "").strip() == caption)
            title, image = each.trial.arm.title, made.image(index)
            alt = f"What {title} drew of this caption: {caption}"
            yield Shown(gallery="captions", row=record.id, column=title, image=image, alt=alt, caption=caption)


def of_own_captions(each: Measured, made: SyntheticSet) -> Iterator[Shown]:
    """Yield images of an arm's own set with their captions, and the real images that these are from, if known."""
    title, data = each.trial.arm.title, each.trial.bench.data
    distinct = {(line.caption or "").strip(): index for index, line in reversed(list(enumerate(made.metadata)))}
    chosen = sorted(index for caption, index in distinct.items() if caption)
    for index in evenly(chosen, ROWS):
        line = made.metadata[index]
        caption, row = (line.caption or "").strip(), f"{title}: {line.id}"
        real = _source(line, data)
        if real is not None:
            alt = f"The real image that the caption is from: {caption}"
            yield Shown(gallery="captions", row=row, column="real", image=real, alt=alt, caption=caption)
        alt, image = f"What {title} drew of the caption: {caption}", made.image(index)
        yield Shown(gallery="captions", row=row, column=title, image=image, alt=alt, caption=caption)


def _source(line: SyntheticRecord, data: Mapping[str, Dataset]) -> UInt8[np.ndarray, "h w 3"] | None:
    """Return the image that a caption is about: of the captioned data, or of the training window."""
    for role in ("text", "train"):
        name = line.sources.get(role)
        if name is None or role not in data or name not in data[role].ids:
            continue
        sample = data[role][list(data[role].ids).index(name)]
        if role == "train" and line.crop is not None and line.height and line.width:
            return cut_rectangle(sample, *line.crop, line.height, line.width).image
        if sample.image.size:
            return sample.image
    return None
