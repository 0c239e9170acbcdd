"""The test masks that are drawn and their real patches, the same for every arm, seed and run; and drawing them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import UInt8

from bench.contract import Condition, Dataset, Sample
from bench.engine.context import Run, derive_seed
from bench.errors import SealError
from bench.plan.roles import roles_read
from bench.plan.seeds import Under
from bench.stages.patches import cut, cut_rectangle, random_windows
from bench.stages.synthesize import Made, Render
from bench.stages.trial import Trial
from bench.synthetic import EVALUATION, SyntheticSet

# Every arm, seed and run of a dataset draws the same masks.
WINDOW_SEED = 0


class MaskPatches:
    """Patches of the test split, equally many per tile, at positions that are the same for every arm."""

    def __init__(self, test: Dataset, n: int, size: int) -> None:
        """Choose `n` patches of `size` pixels; nothing is read yet."""
        self.test, self.n, self.size = test, n, size

    def placed(self) -> Iterator[tuple[int, int, Sample]]:
        """Yield row and column of the patches with the patches, tile by tile; a sample's id is that of its tile."""
        windows = random_windows(self.test, range(len(self.test)), self.n, self.size, WINDOW_SEED)
        return ((window.y, window.x, cut(window)) for window in windows)

    def samples(self) -> Iterator[Sample]:
        """Yield the patches, tile by tile; a sample's id is that of its tile."""
        return (sample for _, _, sample in self.placed())

    def key(self) -> dict[str, str | int]:
        """Return what the patches depend on, besides the split."""
        return {"n": self.n, "size": self.size, "window_seed": WINDOW_SEED}

    def conditions(self, seed: int) -> Iterator[Condition]:
        """Yield the patches as conditions without their images, with seeds that derive from one generation seed."""
        for index, sample in enumerate(self.samples()):
            yield Condition(
                id=f"test-{index:05d}",
                instances=sample.instances,
                types=sample.types,
                label=sample.label,
                caption=sample.caption,
                tissue=sample.tissue,
                kind="test-mask",
                # JSON readers keep 53 bits
                seed=derive_seed(seed, "test-mask", index) % 2**53,
            )

    @property
    def inputs(self) -> dict[str, str]:
        """The values that identify the real patches in a key."""
        return {"test": self.test.digest, **{name: str(value) for name, value in self.key().items()}}

    def __len__(self) -> int:
        return self.n

    def read(self, threads: int) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Yield the real patches."""
        return (sample.image for sample in self.samples())


class GivenMasks(MaskPatches):
    """The windows of the test split that the images of an imported set show."""

    def __init__(self, test: Dataset, drawn: SyntheticSet) -> None:
        """Look up the windows; nothing is read yet."""
        super().__init__(test, len(drawn), 0)
        self._drawn = drawn

    def placed(self) -> Iterator[tuple[int, int, Sample]]:
        """Yield row and column of the windows with the windows, in the order of the set.

        Raises:
            SealError: a window extends beyond its test sample.
        """
        places = {name: index for index, name in enumerate(self.test.ids)}
        for line, drawn in zip(self._drawn.metadata, self._drawn.records, strict=True):
            sample = self.test[places[str(line.tile)]]
            (h, w), (y, x) = (drawn.height, drawn.width), line.crop or (0, 0)
            if y + h > sample.image.shape[0] or x + w > sample.image.shape[1]:
                raise SealError(
                    f"The window of {line.file_name} extends beyond {sample.id}, which has {sample.image.shape[:2]} px",
                    got=f"{h} x {w} px at row {y}, column {x}, at {self.test.info.mpp} um per pixel",
                    fix="import the set again with y and x of the window in the table, or with its own --mpp",
                )
            yield y, x, cut_rectangle(sample, y, x, h, w)

    def key(self) -> dict[str, str | int]:
        """Return what the windows depend on, besides the split."""
        return {"n": self.n, "set": self._drawn.digest}


@dataclass(frozen=True, kw_only=True, eq=False)
class RenderMasks(Render):
    """Draw images of the test masks with a method that reads only training data; the set is sealed for evaluation."""

    stage: ClassVar[str] = "render-masks"

    masks: MaskPatches

    @property
    def config(self) -> dict[str, Any]:
        """The method's settings, and which masks are drawn."""
        return {**super().config, **self.masks.key()}

    @property
    def inputs(self) -> dict[str, str]:
        """The method's inputs and the test split."""
        return {**super().inputs, "test": self.masks.test.digest}

    def run(self, folder: Path, context: Run) -> None:
        """Draw images of the masks."""
        self.draw(list(self.masks.conditions(context.seed)), folder, context, EVALUATION)


def masks_of(trial: Trial, made: Made) -> MaskPatches:
    """Return the test masks that an arm draws, in the size of the images of one of its sets."""
    preset = trial.bench.preset
    wanted = preset.reference_samples if preset.faithfulness_samples is None else preset.faithfulness_samples
    return MaskPatches(trial.bench.data["test"], wanted, made.set.records[0].height)


async def draw_masks(trial: Trial, masks: MaskPatches, under: Under) -> SyntheticSet:
    """Draw images of test masks with an arm's method under a generation seed, and return the set, which is sealed."""
    session, arm, fitted = trial.bench.session, trial.arm, await trial.parts(under)
    step = RenderMasks(
        place=session.torch if fitted else session.numeric,
        seed=under.generation,
        title=f"{arm.title}, {masks.n} test masks, {trial.bench.replicates.title_of_set(under)}",
        arm=arm,
        data={role: trial.bench.data[role] for role in roles_read(arm.method, trial.bench.data)},
        fitted=fitted,
        masks=masks,
    )
    return SyntheticSet((await session.do(step)).path)
