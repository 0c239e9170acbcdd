"""Stage *adapt*: a set that was made elsewhere, at a preset's resolution and patch size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from bench.config import Preset
from bench.contract import Dataset, Sample
from bench.datasets.prepared.resample import fit_square, resample
from bench.engine.context import Run
from bench.engine.session import Session
from bench.engine.step import Step
from bench.errors import SealError
from bench.formats.labels.canonical import contiguous
from bench.stages.synthesize import Made
from bench.synthetic import EVALUATION, SyntheticSet, SyntheticSetWriter
from bench.track import track_of


def check_fits(made: SyntheticSet, train: Dataset) -> None:
    """Refuse a set of another dataset's classes.

    Raises:
        SealError: its classes are not those of the dataset.
    """
    own, theirs = made.info, train.info
    if (own.classes, own.labels) != (theirs.classes, theirs.labels):
        raise SealError(
            f"The set does not have the classes of {theirs.name}",
            got=f"the classes of {own.name}: {', '.join(own.classes + own.labels)}",
            fix=f"import it again with --dataset {theirs.name}",
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Adapt(Step):
    """Rewrite a set at the resolution of the training split; `size` cuts or mirrors images to that many pixels."""

    stage: ClassVar[str] = "adapt"

    made: SyntheticSet
    train: Dataset
    size: int | None

    @property
    def config(self) -> dict[str, object]:
        """Resolution, patch size and use."""
        return {"mpp": self.train.info.mpp, "patch": self.size, "use": self.made.use}

    @property
    def inputs(self) -> dict[str, str]:
        """Digests of the set and of the training split."""
        inputs = {"set": self.made.digest, "train": self.train.digest}
        # groups, tissues and recipes, which the digest of a set does not cover
        records = self.made.manifest.get("metadata_sha256")
        return inputs if records is None else inputs | {"records": records}

    def run(self, folder: Path, context: Run) -> None:
        """Write the set."""
        _write(self.made, self.train, self.size, folder, context)


async def adapt(session: Session, made: SyntheticSet, train: Dataset, preset: Preset) -> Made:
    """Return a set at the preset's resolution, and at its patch size if networks are to be trained on the set.

    Larger images are cut to the patch at their centre, smaller ones are mirrored at their borders; both are recorded
    in each sample's recipe. Samples take the group of the training sample that they derive from.
    """
    check_fits(made, train)
    step = Adapt(
        place=session.numeric,
        title=f"{made.manifest['method']}, {len(made)} images",
        made=made,
        train=train,
        size=None if made.use == EVALUATION else preset.patch,
    )
    finished = await session.do(step)
    return Made(finished, SyntheticSet(finished.path))


def _write(made: SyntheticSet, train: Dataset, size: int | None, folder: Path, run: Run) -> None:
    groups = dict(zip(train.ids, train.groups, strict=True))
    if made.use == EVALUATION:  # derives from test samples, and no network is trained on it
        groups |= {record.tile: record.group for record in made.metadata if record.tile is not None}
    writer = SyntheticSetWriter(folder, train.info, groups)
    factor = train.info.mpp / made.info.mpp
    with run.progress("adapt", len(made), unit="image") as progress:
        for index, (record, native) in enumerate(zip(made.metadata, made, strict=True)):
            whole = size is not None and track_of(train.info).whole
            sample = fit_square(native, size) if whole and size is not None else resample(native, train.info.mpp)
            top, left = (0, 0) if size is None else tuple((side - size) // 2 for side in sample.image.shape[:2])
            fitted = sample if size is None else _window(sample, top, left, size)
            recipe = {**record.recipe, "resampled_from": made.info.mpp, "offset": [top, left]}
            condition = record.condition(fitted, crop=_crop(record.crop, factor, top, left), recipe=recipe)
            writer.write(index, condition, fitted.image, group=record.group)
            progress.advance()
    kept = {key: made.manifest.get(key) for key in ("method", "variant", "config", "seed", "dataset", "parts", "use")}
    writer.seal(len(made), {**kept, "adapted_from": made.digest, "dataset_digest": train.digest})


def _crop(crop: Sequence[int] | None, factor: float, top: int, left: int) -> tuple[int, int] | None:
    """Return the position of the window in its source at the working resolution; None if it was padded."""
    if crop is None or min(top, left) < 0:
        return None
    return round(crop[0] / factor) + top, round(crop[1] / factor) + left


def _window(sample: Sample, top: int, left: int, size: int) -> Sample:
    """Return the window of `size` pixels at (top, left), mirrored where it extends beyond the image.

    The mirror image of a nucleus is a separate nucleus of the same class.
    """
    height, width = sample.image.shape[:2]
    rows, columns = _mirrored(top, size, height), _mirrored(left, size, width)
    image = np.ascontiguousarray(sample.image[np.ix_(rows, columns)])
    if sample.instances is None:
        return replace(sample, image=image)
    stored = sample.instances[np.ix_(rows, columns)].astype(np.int64)
    # one copy of the ids for each mirror image, vertically and horizontally
    mirror = _copy(top, size, height)[:, None] * 1000 + _copy(left, size, width)[None, :]
    largest = int(sample.instances.max(initial=0)) + 1
    _, codes = np.unique(mirror, return_inverse=True)
    distinct = np.where(stored > 0, codes.reshape(mirror.shape) * largest + stored, 0).astype(np.int32)
    instances, kept = contiguous(distinct)
    types = None if sample.types is None else sample.types[kept % largest - 1]
    return replace(sample, image=image, instances=instances, types=types)


def _mirrored(start: int, size: int, length: int) -> np.ndarray:
    period = max(1, 2 * length)
    folded = np.arange(start, start + size) % period
    return np.minimum(folded, period - 1 - folded)


def _copy(start: int, size: int, length: int) -> np.ndarray:
    return np.arange(start, start + size) // length
